"""Standardisation of inputs to mean 0 and standard deviation 1 (LeCun et al. 1998, §4.3)."""

from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from descend.data.batches import input_batches
from descend.data.statistics import measure_features

EXAMPLES = 4096  # number of examples for which the standard error of the mean is 1/64 of the standard deviation


class Standardise(nn.Module):
    """A module that returns (x − mean)/std for each feature x, with the feature's mean and std in training data.

    Use it as a dataset's transform or as a network's first layer. There is one mean per feature of ``(N, D)`` and ``(N,
    T, D)``, one per channel of ``(N, C, H, W)``, and a single one for ``(N,)``. Constant features are only centred. The
    statistics are buffers, so they are saved with the model.

    Parameters
    ----------
    data : DataLoader, Dataset, Tensor or iterable of batches
        The training data. The first element of a batch is the inputs.
    examples : int
        The largest number of examples that are read.

    Raises
    ------
    TypeError, ValueError
        If the data cannot be read, or the inputs are not real numbers.

    Examples
    --------
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
        """Return the standardised inputs, in the inputs' dtype."""
        return apply_standardisation(inputs, self.mean, self.std, self.example)

    def extra_repr(self) -> str:
        """Return the shape of one example as text, for the module's `repr`."""
        return f"{self.example}"


def apply_standardisation(inputs: Tensor, mean: Tensor, std: Tensor, example: tuple[int, ...]) -> Tensor:
    """Return (inputs − mean)/std in the inputs' dtype and on their device. NaN and infinite inputs become 0.

    example: the shape of an example in the data from which mean and std were computed. Raises `ValueError` for integer
    inputs and other shapes.
    """
    if not inputs.is_floating_point():
        raise ValueError(f"the inputs are {inputs.dtype}: only floating-point inputs can be standardised")
    at, by = (_reshape_statistic(statistic, inputs, example) for statistic in (mean, std))
    return torch.where(inputs.isfinite(), (inputs - at) / by, 0.0).to(inputs.dtype)


def _reshape_statistic(statistic: Tensor, inputs: Tensor, example: tuple[int, ...]) -> Tensor:
    """Return the mean or standard deviation in a shape that broadcasts over the inputs, also over flattened inputs."""
    statistic = statistic.to(inputs.device)
    shape = tuple(inputs.shape[1:])
    # Images may differ in size from the images that gave the statistics, but not in the number of channels.
    if len(shape) == len(example):
        if not statistic.ndim or shape[-statistic.ndim] == len(statistic):
            return statistic
    elif tuple(inputs.shape) == example:  # The input is one example without a batch dimension.
        return statistic
    elif statistic.numel() == 1:
        return statistic.reshape(())
    elif statistic.ndim == 1 and shape[-1:] == example[-1:]:
        return statistic
    elif prod(shape) == prod(example):
        return statistic.expand(example).reshape(shape)
    raise ValueError(f"mean and std were computed from examples of shape {example}, but the inputs have shape {shape}")
