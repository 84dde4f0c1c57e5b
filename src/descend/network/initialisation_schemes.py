"""Initialisers side by side: what each scheme makes of the same network (LeCun et al. 1998, §4.6; He et al. 2015)."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from descend.network.gains import draw_kaiming, gain_of
from descend.network.outputs import LAYERS, layer_outputs

Draw = Callable[[Tensor, nn.Module, str], Any]  # fills the weight of a layer, by the activation that follows it
SCHEMES: dict[str, Draw] = {
    "zeros": lambda weight, layer, activation: weight.zero_(),
    "normal 0.01": lambda weight, layer, activation: weight.normal_(0, 0.01),
    "normal 1": lambda weight, layer, activation: weight.normal_(0, 1),
    "xavier fan-in": lambda weight, layer, activation: draw_kaiming(weight, layer, 1.0),
    "xavier": lambda weight, layer, activation: nn.init.xavier_normal_(weight),
    "kaiming": lambda weight, layer, activation: draw_kaiming(weight, layer, gain_of(activation)),
}


@torch.no_grad()
def initialise(model: nn.Module, scheme: str, *inputs: Any) -> dict[str, str]:
    """Draw the weights of all linear and convolutional layers by a scheme, biases 0; return each one's activation.

    The schemes are those of `SCHEMES`:

    - zeros: every weight is 0.
    - normal 0.01 and normal 1: the number is the standard deviation.
    - xavier fan-in: the standard deviation is 1/√fan-in. Slides call it Xavier initialisation (Optimization for
      Training Deep Models 2018, Knob 1: Initialization); it is that of LeCun et al. 1998, §4.6.
    - xavier: the variance is 2/(fan-in + fan-out) (Glorot & Bengio 2010, eq. 12), as in `xavier_normal_` of torch.
    - kaiming: the variance is gain²/fan-in (He et al. 2015, eq. 10 and 15). The gain is that of the activation that
      follows the layer, which is found by running the model on `inputs`.

    Layers that this run does not use are drawn as if no activation followed them. The weights come from torch's
    global generator. Raises `ValueError` for an unknown scheme.
    """
    if scheme not in SCHEMES:
        raise ValueError(f"initialise: scheme must be one of {', '.join(SCHEMES)}, not {scheme!r}")
    follows = {seen.name: seen.activation for seen in layer_outputs(model, *inputs)}
    for name, layer in model.named_modules():
        if isinstance(layer, LAYERS):
            follows.setdefault(name, "")
            fresh = torch.empty_like(layer.weight)
            SCHEMES[scheme](fresh, layer, follows[name])
            if is_parametrized(layer, "weight"):
                layer.weight = fresh  # its parametrisation takes it apart
            else:
                layer.weight.copy_(fresh)
            if layer.bias is not None:
                layer.bias.zero_()
    return follows
