"""Parameter groups with one learning rate per layer: from the layer's curvature, or decreasing towards the inputs."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from descend.landscape import derivatives, top_eigenpair


def layer_rates(model: nn.Module, loss: Callable[[], Tensor], share: float = 0.5) -> list[dict[str, Any]]:
    """Return one parameter group per layer, with `lr` = share·2/λmax; λmax is the layer's largest Hessian eigenvalue.

    LeCun et al. 1998, §4.7: with learning rates inverse to the curvature all layers learn at about the same speed.
    2/λmax is the largest learning rate at which gradient descent on that layer alone does not diverge.

    Parameters
    ----------
    model : torch.nn.Module
        The model.
    loss : callable
        Returns the loss of the model, a tensor of shape (), without calling `backward`.
    share : float
        The share of the largest stable learning rate, 2/λmax.

    Returns
    -------
    list of dict
        The parameter groups, one for each layer that has parameters.

    Raises
    ------
    CurvatureUnavailable
        If the loss cannot be differentiated twice.
    ValueError
        If the curvature of a layer is not positive.

    Examples
    --------
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
            raise ValueError(f"the largest curvature of {name or 'model'} must be above 0, not {curvature:.3g}")
        groups.append({"params": parameters, "lr": share * 2 / curvature, "name": name})
    return groups


def fine_tuning_groups(
    layers: Iterable[nn.Module], lr: float, factor: float = 2.6, trained: int | None = None
) -> list[dict[str, Any]]:
    """Return one parameter group per layer. The last has learning rate `lr`; each earlier one is lower by `factor`.

    Layers near the inputs of a pre-trained network hold general features and should change least (Howard & Ruder 2018,
    §3.2). A weight that two layers share is in the group of the later layer.

    Parameters
    ----------
    layers : iterable of torch.nn.Module
        The network's parts from the inputs to the output, such as `[model.embedding, *model.blocks, model.head]`.
    lr : float
        The learning rate of the last layer.
    factor : float
        The number, at least 1, that divides the learning rate from layer to layer.
    trained : int, optional
        Train only this many last layers, and freeze the others. Default: train all layers.

    Returns
    -------
    list of dict
        The parameter groups, the last layer first.

    Raises
    ------
    ValueError
        For numbers out of range.

    Examples
    --------
    >>> optimizer = SGD(fine_tuning_groups([model], lr=0.01), lr=0.01)
    """
    if not (0 < lr < math.inf and factor >= 1 and (trained is None or trained >= 1)):
        raise ValueError(
            f"fine_tuning_groups: arguments need lr > 0, factor >= 1 and trained >= 1, not {lr}, {factor} and {trained}"
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
        raise ValueError("fine_tuning_groups: the layers to train have no parameters")
    return groups[::-1]
