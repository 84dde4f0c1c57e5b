"""Initialisers side by side: what each scheme makes of the same network (LeCun et al. 1998, §4.6; He et al. 2015)."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvTransposeNd
from torch.nn.utils.parametrize import is_parametrized

from descend.network.initialise import GAINS, LEAK, RECTIFIERS
from descend.network.outputs import LAYERS, layer_outputs


def _kaiming(weight: Tensor, activation: str) -> None:
    """Draw from N(0, gain²/fan-in)."""
    nn.init.kaiming_normal_(weight, LEAK if activation == "leaky_relu" else 0.0, nonlinearity="leaky_relu")
    if activation not in RECTIFIERS:  # their gain is √2
        weight.mul_(GAINS.get(activation, 1.0) / 2**0.5)


def _with_std(std: float) -> Callable[[Tensor, str], None]:
    def normal(weight: Tensor, _: str) -> None:
        nn.init.normal_(weight, 0.0, std)

    return normal


SCHEMES: dict[str, Callable[[Tensor, str], Any]] = {
    "zeros": lambda weight, _: nn.init.zeros_(weight),
    "normal 0.01": _with_std(0.01),
    "normal 1": _with_std(1.0),
    "xavier": lambda weight, _: nn.init.xavier_normal_(weight),
    "kaiming": _kaiming,
}


@torch.no_grad()
def initialise(model: nn.Module, scheme: str, *inputs: Any) -> dict[str, str]:
    """Draw the weights of all linear and convolutional layers by a scheme, biases 0; return each one's activation.

    `SCHEMES`: zeros; normal 0.01 and normal 1, standard deviations; xavier, variance 2/(fan-in + fan-out) (Glorot &
    Bengio 2010, eq. 12); kaiming, gain²/fan-in with the gain of the activation that follows the layer (He et al. 2015,
    eq. 10 and 15), which is found by running the model on `inputs`. Layers that this run does not use are drawn as
    if nothing followed them. Uses torch's generator. Raises `ValueError` for an unknown scheme.
    """
    if scheme not in SCHEMES:
        raise ValueError(f"initialise: scheme must be one of {', '.join(SCHEMES)}, not {scheme!r}")
    follows = {seen.name: seen.activation for seen in layer_outputs(model, *inputs)}
    for name, layer in model.named_modules():
        if isinstance(layer, LAYERS):
            follows.setdefault(name, "")
            fresh = torch.empty_like(layer.weight)
            SCHEMES[scheme](fresh.transpose(0, 1) if isinstance(layer, _ConvTransposeNd) else fresh, follows[name])
            if is_parametrized(layer, "weight"):
                layer.weight = fresh  # its parametrisation takes it apart
            else:
                layer.weight.copy_(fresh)
            if layer.bias is not None:
                layer.bias.zero_()
    return follows
