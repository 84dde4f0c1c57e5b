"""Initialisation schemes to compare on one network (LeCun et al. 1998, §4.6; He et al. 2015)."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from descend.network.gains import activation_gain, draw_kaiming
from descend.network.outputs import LAYERS, layer_outputs

# a function that fills a layer's weight, given the layer and the name of the activation that follows it
Draw = Callable[[Tensor, nn.Module, str], Any]
SCHEMES: dict[str, Draw] = {
    "zeros": lambda weight, layer, activation: weight.zero_(),
    "normal 0.01": lambda weight, layer, activation: weight.normal_(0, 0.01),
    "normal 1": lambda weight, layer, activation: weight.normal_(0, 1),
    "xavier fan-in": lambda weight, layer, activation: draw_kaiming(weight, layer, 1.0),
    "xavier": lambda weight, layer, activation: nn.init.xavier_normal_(weight),
    "kaiming": lambda weight, layer, activation: draw_kaiming(weight, layer, activation_gain(activation)),
}


@torch.no_grad()
def initialise(model: nn.Module, scheme: str, *inputs: Any) -> dict[str, str]:
    """Initialise all linear and convolutional layers by a scheme. Return the activation after each layer, by name.

    Biases become 0. The schemes in `SCHEMES` are:

    - zeros: every weight is 0.
    - normal 0.01 and normal 1: the number is the standard deviation.
    - xavier fan-in: the standard deviation is 1/√fan-in (LeCun et al. 1998, §4.6). Optimization for Training Deep
      Models 2018, Knob 1: Initialization, calls it Xavier initialisation.
    - xavier: the variance is 2/(fan-in + fan-out) (Glorot & Bengio 2010, eq. 12), as in `xavier_normal_` of torch.
    - kaiming: the variance is gain²/fan-in (He et al. 2015, eq. 10 and 15). The gain is that of the activation that
      follows the layer; a forward pass on `inputs` finds it.

    Layers that the forward pass does not use are initialised as if no activation followed. Torch's global generator
    draws the weights.

    Parameters
    ----------
    model : torch.nn.Module
        The model to initialise.
    scheme : str
        The name of a scheme in `SCHEMES`.
    *inputs
        The arguments of a forward pass of the model, which finds the activations.

    Returns
    -------
    dict of str to str
        The activation after each layer, by the layer's name; "" without an activation.

    Raises
    ------
    ValueError
        For an unknown scheme.
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
                layer.weight = fresh  # The assignment calls the parametrisation's `right_inverse`.
            else:
                layer.weight.copy_(fresh)
            if layer.bias is not None:
                layer.bias.zero_()
    return follows
