"""Parameter groups with one learning rate per layer: from the layer's curvature, or decreasing towards the inputs."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from descend.core.bound import Count
from descend.landscape import derivatives, top_eigenpair

PRODUCTS = Count(20, "Hessian-vector products", "chosen: the largest eigenvalue is then known to a few percent")


def layer_rates(model: nn.Module, loss: Callable[[], Tensor], share: float = 0.5) -> list[dict[str, Any]]:
    """Return one parameter group per layer, whose `lr` is inversely proportional to the layer's largest curvature.

    LeCun et al. 1998, §4.7: with such learning rates, all layers learn at about the same speed. Their common factor is
    `share` of the largest one at which gradient descent on all layers together does not diverge: with the diagonal
    matrix D of learning rates, the largest eigenvalue of D·H is 2·share for the Hessian H. The curvature of a new
    network often grows in its first steps: start with a `share` of 0.1, or train for some steps before you measure.

    Parameters
    ----------
    model : torch.nn.Module
        The model.
    loss : callable
        Returns the loss of the model, a tensor of shape (), without calling `backward`.
    share : float
        The share of the largest stable learning rates.

    Returns
    -------
    list of dict
        The parameter groups, one for each layer with parameters. A weight that two layers share is in the first one.

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
    groups: list[dict[str, Any]] = []
    seen: set[nn.Parameter] = set()
    for name, layer in model.named_modules():
        parameters = [p for p in layer.parameters(recurse=False) if p.requires_grad and p not in seen]
        seen.update(parameters)
        if parameters:
            curvature = _largest_curvature(value, parameters)
            if not curvature > 0:
                raise ValueError(f"the largest curvature of {name or 'model'} must be above 0, not {curvature:.3g}")
            groups.append({"params": parameters, "lr": 1 / curvature, "name": name})
    everything = [p for group in groups for p in group["params"]]
    inverse = [torch.full_like(p, 1 / group["lr"]) for group in groups for p in group["params"]]
    together = _largest_curvature(value, everything, inverse) if groups else 1.0
    return [{**group, "lr": share * 2 * group["lr"] / together} for group in groups]


def _largest_curvature(
    value: Tensor, parameters: Sequence[Tensor], preconditioner: Sequence[Tensor] | None = None
) -> float:
    """Return the largest eigenvalue of the loss's Hessian H, or of P⁻¹·H for the diagonal P."""
    gradient, hessian = derivatives(value, parameters)
    start = gradient if any(g.abs().sum() for g in gradient) else tuple(map(torch.ones_like, parameters))
    return top_eigenpair(hessian, start, preconditioner=preconditioner, iterations=PRODUCTS).value


def fine_tuning_groups(
    layers: Iterable[nn.Module], lr: float, factor: float = 2.6, trained: int | None = None
) -> list[dict[str, Any]]:
    """Return one parameter group per layer. The last has learning rate `lr`; each earlier one is lower by `factor`.

    Layers near the inputs of a pre-trained network hold general features and should change least (Howard & Ruder 2018,
    §3.2). A weight that two layers share is in the group of the later layer. Layers without parameters do not count.

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
        The parameter groups, in the order of the layers.

    Raises
    ------
    TypeError
        If `layers` is a single module that is not a sequence of layers.
    ValueError
        For numbers out of range, or if no layer to train has parameters.

    Examples
    --------
    >>> optimizer = SGD(fine_tuning_groups([model], lr=0.01), lr=0.01)
    """
    if not (0 < lr < math.inf and factor >= 1 and (trained is None or trained >= 1)):
        raise ValueError(
            f"fine_tuning_groups: arguments need lr > 0, factor >= 1 and trained >= 1, not {lr}, {factor} and {trained}"
        )
    if isinstance(layers, nn.Module) and not isinstance(layers, Iterable):
        raise TypeError(f"fine_tuning_groups: pass a list of the layers of {type(layers).__name__}, from the inputs on")
    groups: list[dict[str, Any]] = []
    seen: set[nn.Parameter] = set()
    own_parameters = []
    for layer in reversed(list(layers)):
        own = [p for p in layer.parameters() if p not in seen]
        seen.update(own)
        own_parameters += [own] if own else []
    for k, own in enumerate(own_parameters):
        is_trained = trained is None or k < trained
        for parameter in own if trained is not None else ():
            parameter.requires_grad_(is_trained)
        if is_trained:
            groups.append({"params": own, "lr": lr / factor**k})
    if not groups:
        raise ValueError("fine_tuning_groups: the layers to train have no parameters")
    return groups[::-1]
