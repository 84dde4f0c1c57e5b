"""Inputs brought to mean 0 and standard deviation 1, inside the model (LeCun et al. 1998, section 4.3).

The statistics become buffers of the model and are applied before its forward pass: training, evaluation and
a saved model all see the same inputs, and the data stay as they are.
"""

from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from descend.network.batches import input_batches
from descend.network.statistics import keep_statistics, unwrapped

EXAMPLES = 4096  # the standard error of a mean is then 1/64 of the feature's standard deviation
NAMES = ("input_mean", "input_std")


@dataclass(frozen=True)
class Standardise:
    """A forward pre-hook: (x - mean) / standard deviation on the first positional argument."""

    example: tuple[int, ...]  # shape of one example at the fit

    def __call__(self, module: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the arguments with the inputs standardised; their type and device stay."""
        if not arguments or not isinstance(arguments[0], Tensor):
            raise TypeError("standardise_inputs needs the model's inputs as its first positional argument")
        inputs, *others = arguments
        if not inputs.is_floating_point():
            raise ValueError(f"the model was given {inputs.dtype}: only real inputs can be standardised")
        mean, deviation = (self._shaped(getattr(module, name), inputs) for name in NAMES)
        standard = torch.where(inputs.isfinite(), (inputs - mean) / deviation, 0.0)
        return standard.to(inputs.dtype), *others

    def _shaped(self, statistic: Tensor, inputs: Tensor) -> Tensor:
        """Return the statistic so that it broadcasts, also where the examples were flattened on their way."""
        statistic = statistic.to(inputs.device)
        shape = tuple(inputs.shape[1:])
        if statistic.numel() == 1:
            return statistic.reshape(())
        if len(shape) == len(self.example) or tuple(inputs.shape) == self.example:
            return statistic
        if statistic.ndim == 1 and shape[-1:] == self.example[-1:]:
            return statistic
        if prod(shape) == prod(self.example):
            return statistic.expand(self.example).reshape(shape)
        raise ValueError(f"the inputs were fitted on examples of shape {self.example}, not {shape}")


def standardise_inputs(model: nn.Module, data: Any, *, examples: int = EXAMPLES) -> nn.Module:
    """Make `model` standardise its inputs by the mean and standard deviation of those in `data`; return it.

    One mean for each feature of (N, D) and (N, T, D), for each channel of (N, C, H, W) and of what enters a
    `Conv1d`, one alone for (N,). Constant features are only centred. At most `examples` are read; see
    `input_batches` for what `data` can be. What is NaN or infinite
    counts as the mean. A second call does nothing, and no random number is drawn.
    Raises `TypeError` for data that cannot be read, `ValueError` for inputs that have no scale.
    """
    model = unwrapped(model)
    if any(isinstance(hook, Standardise) for hook in model._forward_pre_hooks.values()):
        return model
    example = keep_statistics(model, NAMES, input_batches(data, examples))
    model.register_forward_pre_hook(Standardise(example))
    return model
