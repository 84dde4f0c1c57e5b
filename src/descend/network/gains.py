"""Gains: factors of the initial weights that preserve the variance of a signal through an activation."""

import math

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvTransposeNd

RECTIFIERS = {"relu", "leaky_relu", "relu6", "prelu", "elu", "celu", "gelu", "silu", "mish", "hardswish"}
GAINS = {  # torch's gains for the activations in Glorot & Bengio 2010
    "tanh": nn.init.calculate_gain("tanh"),
    "sigmoid": nn.init.calculate_gain("sigmoid"),
    "softsign": 1.0,
    "linear": 1.0,
}
LEAK = 0.01  # negative slope of nn.LeakyReLU


def activation_gain(activation: str) -> float:
    """Return the factor of the initial weights that preserves variance through an activation; 1 for an unknown one.

    It is √2 for rectifiers and √(2/(1 + slope²)) for leaky ReLU (He et al. 2015, eq. 10 and 15).
    """
    if activation in RECTIFIERS:
        leak = LEAK if activation == "leaky_relu" else 0.0
        return math.sqrt(2 / (1 + leak**2))
    return GAINS.get(activation, 1.0)


def draw_kaiming(weight: Tensor, layer: nn.Module, gain: float, generator: torch.Generator | None = None) -> None:
    """Fill a linear or convolutional layer's weight with draws from N(0, gain²/fan-in) (He et al. 2015, eq. 10)."""
    # The first dimension of a transposed convolution's weight is the input channels.
    inputs = weight.shape[0 if isinstance(layer, _ConvTransposeNd) else 1]
    fan_in = inputs * math.prod(weight.shape[2:])
    weight.normal_(0, gain / math.sqrt(max(fan_in, 1)), generator=generator)
