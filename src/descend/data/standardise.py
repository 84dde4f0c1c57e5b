"""Inputs brought to mean 0 and standard deviation 1 (LeCun et al. 1998, §4.3)."""

from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from descend.data.batches import input_batches
from descend.data.statistics import measure_features

EXAMPLES = 4096  # the standard error of a mean is then 1/64 of the feature's standard deviation


class Standardise(nn.Module):
    """(x − mean)/std of each feature, with the statistics of training data: a transform, or a network's first layer.

    One mean for each feature of (N, D) and (N, T, D), for each channel of (N, C, H, W), one alone for (N,). Constant
    features are only centred. The statistics are buffers: they are saved with the model. See `input_batches` for what
    `data` can be; at most `examples` are read. Raises `TypeError` and `ValueError` for data without a scale.

    >>> model = nn.Sequential(Standardise(loader), model)
    """

    mean: Tensor
    std: Tensor

    def __init__(self, data: Any, *, examples: int = EXAMPLES) -> None:
        super().__init__()
        moments, shape, self.example = measure_features(input_batches(data, examples))
        for name, statistic in (("mean", moments.mean), ("std", moments.deviation(torch.finfo(torch.float32).eps))):
            self.register_buffer(name, statistic.reshape(shape).float())

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the inputs standardised, in their own type."""
        return standardised(inputs, self.mean, self.std, self.example)

    def extra_repr(self) -> str:
        """Return the shape of an example."""
        return f"{self.example}"


def standardised(inputs: Tensor, mean: Tensor, std: Tensor, example: tuple[int, ...]) -> Tensor:
    """Return (inputs − mean)/std, fitted on examples of that shape; what is not finite counts as the mean.

    The inputs' type and device stay. Raises `ValueError` for inputs that are no real numbers or of another shape.
    """
    if not inputs.is_floating_point():
        raise ValueError(f"the model was given {inputs.dtype}: only real inputs can be standardised")
    at, by = (_shaped(statistic, inputs, example) for statistic in (mean, std))
    return torch.where(inputs.isfinite(), (inputs - at) / by, 0.0).to(inputs.dtype)


def _shaped(statistic: Tensor, inputs: Tensor, example: tuple[int, ...]) -> Tensor:
    """Return the statistic so that it broadcasts, also where the examples were flattened on their way."""
    statistic = statistic.to(inputs.device)
    shape = tuple(inputs.shape[1:])
    if len(shape) == len(example):  # images may be of another size, but features and channels are those of the fit
        if not statistic.ndim or shape[-statistic.ndim] == len(statistic):
            return statistic
    elif tuple(inputs.shape) == example:  # one example by itself
        return statistic
    elif statistic.numel() == 1:
        return statistic.reshape(())
    elif statistic.ndim == 1 and shape[-1:] == example[-1:]:
        return statistic
    elif prod(shape) == prod(example):
        return statistic.expand(example).reshape(shape)
    raise ValueError(f"mean and std were fitted on examples of shape {example}, not {shape}: fit them on such data")
