"""A rate for each layer: from its own curvature, or smaller and smaller from the output down."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from descend.landscape import derivatives, top_eigenpair


def layer_rates(model: nn.Module, loss: Callable[[], Tensor], share: float = 0.5) -> list[dict[str, Any]]:
    """Return a parameter group for each layer, its `lr` share·2/λmax of the Hessian's block of that layer.

    LeCun et al. 1998, §4.7: with rates inverse to the curvature all layers learn at about the same speed. 2/λmax is
    the largest rate at which gradient descent on that layer alone does not diverge. `loss` computes the loss and does
    not go backward. Raises `CurvatureUnavailable`; `ValueError` for a layer whose curvature is not positive.

    >>> optimizer = SGD(layer_rates(model, lambda: loss_fn(model(x), y)))
    """
    with torch.enable_grad():
        value = loss()
    groups = []
    for name, layer in model.named_modules():
        parameters = [p for p in layer.parameters(recurse=False) if p.requires_grad]
        if not parameters:
            continue
        gradient, hessian = derivatives(value, parameters)
        start = gradient if any(g.abs().sum() for g in gradient) else tuple(map(torch.ones_like, parameters))
        curvature = top_eigenpair(hessian, start).value
        if not curvature > 0:
            raise ValueError(f"the largest curvature of layer {name or 'model'} is {curvature:.3g}: no rate follows")
        groups.append({"params": parameters, "lr": share * 2 / curvature, "name": name})
    return groups


def fine_tuning_groups(
    layers: Iterable[nn.Module], lr: float, factor: float = 2.6, trained: int | None = None
) -> list[dict[str, Any]]:
    """Return a parameter group for each layer: `lr` for the last one, and `factor` times less for each one below.

    Howard & Ruder 2018, §3.2: what a network has learnt elsewhere is general at its bottom, and should change least
    there. `layers` are the network's parts from the inputs up, such as `[model.embedding, *model.blocks, model.head]`;
    with `trained` only so many of the last ones are, 1 for the output alone, and the others are frozen. Weights that
    two layers share belong to the upper one. Raises `ValueError` for numbers out of range.

    >>> optimizer = SGD(fine_tuning_groups([model], lr=0.01), lr=0.01)
    """
    if not (0 < lr < math.inf and factor >= 1 and (trained is None or trained >= 1)):
        raise ValueError(
            f"fine_tuning_groups: it needs lr > 0, factor >= 1 and trained >= 1, not {lr}, {factor} and {trained}"
        )
    groups: list[dict[str, Any]] = []
    seen: set[nn.Parameter] = set()
    for k, layer in enumerate(reversed(list(layers))):
        own = [p for p in layer.parameters() if p not in seen]
        seen.update(own)
        is_trained = trained is None or k < trained
        for parameter in own if trained is not None else ():
            parameter.requires_grad_(is_trained)
        if is_trained and own:
            groups.append({"params": own, "lr": lr / factor**k})
    if not groups:
        raise ValueError("fine_tuning_groups: these layers have no parameters")
    return groups[::-1]
