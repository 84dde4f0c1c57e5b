"""A rate for each layer from its own curvature: lower layers, whose curvature is often smaller, take larger steps."""

from collections.abc import Callable
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
