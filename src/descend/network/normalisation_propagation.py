"""Normalisation propagation: what batch norm measures, computed once and for all (Arpit et al. 2016).

Let the inputs of a layer have mean 0 and variance 1, as those of the first layer have when they are standardised.
Divided by the norm of its weights, a unit's sum has variance 1 again, and the mean and deviation of a rectified
standard normal number are constants: subtract one, divide by the other, and the next layer's inputs are normal, too.
No statistics of batches are needed, so a batch of one example is as good as any.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear

MEAN = math.sqrt(1 / (2 * math.pi))  # of max(0, z), z standard normal
STD = math.sqrt(0.5 * (1 - 1 / math.pi))
GAMMA = 1 / 1.21  # keeps the singular values of a layer's Jacobian near 1 (§4.2)


class NormPropLinear(nn.Linear):
    """(relu(γ·Wx/‖W‖ + β) − √(1/2π)) / √(½(1 − 1/π)), ‖W‖ unit by unit (Arpit et al. 2016, eq. 9).

    In place of a hidden linear layer and its ReLU. Inputs (…, in_features) should be standardised; with γ = 1 the
    outputs are.

    >>> hidden = NormPropLinear(3, 8)
    """

    def __init__(self, in_features: int, out_features: int, **options: Any) -> None:
        super().__init__(in_features, out_features, **options)
        self.gamma = _begin(self)

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised activations, (…, out_features)."""
        return _propagated(linear(x, _directions(self) * self.gamma.unsqueeze(1), self.bias))


class NormPropConv2d(nn.Conv2d):
    """The same for a convolution and its ReLU, ‖W‖ filter by filter (Arpit et al. 2016, eq. 10).

    >>> hidden = NormPropConv2d(1, 8, kernel_size=3, padding=1)
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, **options: Any) -> None:
        super().__init__(in_channels, out_channels, kernel_size, **options)
        if self.padding_mode != "zeros":
            raise ValueError(f"NormPropConv2d: padding_mode must be zeros, not {self.padding_mode!r}")
        self.gamma = _begin(self)

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised activations, (N, out_channels, H, W)."""
        weight = _directions(self) * self.gamma.view(-1, 1, 1, 1)
        return _propagated(conv2d(x, weight, self.bias, self.stride, self.padding, self.dilation, self.groups))


def _begin(layer: nn.Linear | nn.Conv2d) -> nn.Parameter:
    """Start β at 0; return γ."""
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return nn.Parameter(torch.full_like(layer.weight.detach().flatten(1)[:, 0], GAMMA))


def _directions(layer: nn.Linear | nn.Conv2d) -> Tensor:
    across = tuple(range(1, layer.weight.dim()))
    norms = torch.linalg.vector_norm(layer.weight, dim=across, keepdim=True)
    return layer.weight / norms.clamp_min(torch.finfo(layer.weight.dtype).tiny)


def _propagated(z: Tensor) -> Tensor:
    return (z.relu() - MEAN) / STD
