"""Inputs brought to mean 0 and standard deviation 1, inside the model (LeCun et al. 1998, section 4.3).

The statistics become buffers of the model and are applied before its forward pass: training, evaluation and
a saved model all see the same inputs, and the data stay as they are.
"""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from descend.data.batches import input_batches
from descend.data.standardise import EXAMPLES, standardised
from descend.network.kept_statistics import keep_statistics, unwrapped

NAMES = ("input_mean", "input_std")


@dataclass(frozen=True)
class StandardiseInputs:
    """A forward pre-hook: (x - mean) / standard deviation on the first positional argument."""

    example: tuple[int, ...]  # shape of one example at the fit

    def __call__(self, module: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the arguments with the inputs standardised; their type and device stay."""
        if not arguments or not isinstance(arguments[0], Tensor):
            raise TypeError("standardise_inputs needs the model's inputs as its first positional argument")
        inputs, *others = arguments
        mean, std = (getattr(module, name) for name in NAMES)
        return standardised(inputs, mean, std, self.example), *others


def standardise_inputs(model: nn.Module, data: Any, *, examples: int = EXAMPLES) -> nn.Module:
    """Make `model` standardise its inputs by the mean and standard deviation of those in `data`; return it.

    One mean for each feature of (N, D) and (N, T, D), for each channel of (N, C, H, W) and of what enters a
    `Conv1d`, one alone for (N,). Constant features are only centred. At most `examples` are read; see
    `input_batches` for what `data` can be. What is NaN or infinite
    counts as the mean. A second call does nothing, and no random number is drawn.
    Raises `TypeError` for data that cannot be read, `ValueError` for inputs that have no scale.
    """
    model = unwrapped(model)
    if any(isinstance(hook, StandardiseInputs) for hook in model._forward_pre_hooks.values()):
        return model
    example = keep_statistics(model, NAMES, input_batches(data, examples))
    model.register_forward_pre_hook(StandardiseInputs(example))
    return model
