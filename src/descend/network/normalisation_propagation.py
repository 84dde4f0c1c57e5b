"""Normalisation propagation: normalised activations without batch statistics (Arpit et al. 2016).

If a layer's inputs have mean 0 and variance 1, then so does each unit's sum divided by the norm of its weights. The
mean and standard deviation of a rectified standard normal variable are constants. Subtracting the mean and dividing by
the standard deviation therefore normalises the next layer's inputs, too, for any batch size.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear

MEAN = math.sqrt(1 / (2 * math.pi))  # mean of max(0, z) for a standard normal z
STD = math.sqrt(0.5 * (1 - 1 / math.pi))  # standard deviation of max(0, z) for a standard normal z
GAMMA = 1 / 1.21  # initial γ, which keeps the singular values of a layer's Jacobian near 1 (Arpit et al. 2016, §4.2)


class NormPropLinear(nn.Linear):
    """A hidden linear layer followed by ReLU, with normalisation propagation (Arpit et al. 2016, eq. 9).

    It computes (relu(γ·Wx/‖W‖ + β) − √(1/2π)) / √(½(1 − 1/π)), with ‖W‖ per unit. Inputs ``(…, in_features)`` should
    be standardised; with γ = 1 the outputs are standardised, too.

    Parameters
    ----------
    in_features : int
        The number of features of the inputs.
    out_features : int
        The number of units.
    **options
        Further options of `torch.nn.Linear`.

    Examples
    --------
    >>> hidden = NormPropLinear(3, 8)
    """

    def __init__(self, in_features: int, out_features: int, **options: Any) -> None:
        super().__init__(in_features, out_features, **options)
        self.gamma = _initialise_gamma(self)

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised activations ``(…, out_features)``."""
        return _standardise_relu(linear(x, _unit_weights(self) * self.gamma.unsqueeze(1), self.bias))


class NormPropConv2d(nn.Conv2d):
    """A convolution followed by ReLU, with normalisation propagation, ‖W‖ per filter (Arpit et al. 2016, eq. 10).

    Parameters
    ----------
    in_channels : int
        The number of channels of the inputs.
    out_channels : int
        The number of filters.
    kernel_size : int
        The width and height of the filters.
    **options
        Further options of `torch.nn.Conv2d`.

    Raises
    ------
    ValueError
        If `padding_mode` is not "zeros".

    Examples
    --------
    >>> hidden = NormPropConv2d(1, 8, kernel_size=3, padding=1)
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, **options: Any) -> None:
        super().__init__(in_channels, out_channels, kernel_size, **options)
        if self.padding_mode != "zeros":
            raise ValueError(f"NormPropConv2d: padding_mode must be zeros, not {self.padding_mode!r}")
        self.gamma = _initialise_gamma(self)

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised activations ``(N, out_channels, H, W)``."""
        weight = _unit_weights(self) * self.gamma.view(-1, 1, 1, 1)
        return _standardise_relu(conv2d(x, weight, self.bias, self.stride, self.padding, self.dilation, self.groups))


def _initialise_gamma(layer: nn.Linear | nn.Conv2d) -> nn.Parameter:
    """Return the initial scale γ, with one number for each output unit, and set the layer's bias to 0."""
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return nn.Parameter(torch.full_like(layer.weight.detach().flatten(1)[:, 0], GAMMA))


def _unit_weights(layer: nn.Linear | nn.Conv2d) -> Tensor:
    """Return the layer's weight, divided by the norm of the weights of each output unit."""
    across = tuple(range(1, layer.weight.dim()))
    norms = torch.linalg.vector_norm(layer.weight, dim=across, keepdim=True)
    return layer.weight / norms.clamp_min(torch.finfo(layer.weight.dtype).tiny)


def _standardise_relu(z: Tensor) -> Tensor:
    """Return relu(z), shifted and scaled so that it has mean 0 and variance 1 if z is standard normal."""
    return (z.relu() - MEAN) / STD
