"""Gains: how much larger weights must be for a signal to keep its size through the activation behind them."""

import math

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvTransposeNd

RECTIFIERS = {"relu", "leaky_relu", "relu6", "prelu", "elu", "celu", "gelu", "silu", "mish", "hardswish"}
GAINS = {  # of the functions that Glorot & Bengio 2010 is about; torch's table
    "tanh": nn.init.calculate_gain("tanh"),
    "sigmoid": nn.init.calculate_gain("sigmoid"),
    "softsign": 1.0,
    "linear": 1.0,
}
LEAK = 0.01  # negative slope of nn.LeakyReLU


def gain_of(activation: str) -> float:
    """Return √2 for a rectifier, √(2/(1 + leak²)) with a leak (He et al. 2015, eq. 10, 15); 1 for what is not known."""
    if activation in RECTIFIERS:
        leak = LEAK if activation == "leaky_relu" else 0.0
        return math.sqrt(2 / (1 + leak**2))
    return GAINS.get(activation, 1.0)


def draw_kaiming(weight: Tensor, layer: nn.Module, gain: float, generator: torch.Generator | None = None) -> None:
    """Fill the weight of a linear or convolutional layer from N(0, gain²/fan-in) (He et al. 2015, eq. 10)."""
    inputs = weight.shape[0 if isinstance(layer, _ConvTransposeNd) else 1]  # a transposed one has its inputs first
    fan_in = inputs * math.prod(weight.shape[2:])
    weight.normal_(0, gain / math.sqrt(max(fan_in, 1)), generator=generator)
