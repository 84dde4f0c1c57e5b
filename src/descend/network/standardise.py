"""Standardisation of the inputs inside the model (LeCun et al. 1998, §4.3).

The statistics are buffers of the model and are applied before its forward pass, so training, evaluation and a saved
model use the same inputs. The data are not changed.
"""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from descend.data.batches import input_batches
from descend.data.standardise import EXAMPLES, apply_standardisation
from descend.network.kept_statistics import keep_statistics, unwrap_model

NAMES = ("input_mean", "input_std")


@dataclass(frozen=True)
class StandardiseInputs:
    """A forward pre-hook that standardises the model's first positional argument, its inputs."""

    example: tuple[int, ...]  # shape of an example in the data from which mean and standard deviation were computed

    def __call__(self, module: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the arguments with standardised inputs, in their dtype and on their device."""
        if not arguments or not isinstance(arguments[0], Tensor):
            raise TypeError("standardise_inputs needs the model's inputs as its first positional argument")
        inputs, *others = arguments
        mean, std = (getattr(module, name) for name in NAMES)
        return apply_standardisation(inputs, mean, std, self.example), *others


def standardise_inputs(model: nn.Module, data: Any, *, examples: int = EXAMPLES) -> nn.Module:
    """Make `model` standardise its inputs with the mean and standard deviation of `data`. Return the model.

    There is one mean per feature of ``(N, D)`` and ``(N, T, D)``, one per channel of ``(N, C, H, W)`` and of the inputs
    of a `Conv1d`, and a single one for ``(N,)``. Constant features are only centred; NaN and infinite values become 0.
    A second call has no effect, and no random number is drawn.

    Parameters
    ----------
    model : torch.nn.Module
        The model to change.
    data : DataLoader, Dataset, Tensor or iterable of batches
        The training data. The first element of a batch is the inputs.
    examples : int
        The largest number of examples that are read.

    Returns
    -------
    torch.nn.Module
        The model.

    Raises
    ------
    TypeError
        For data that cannot be read.
    ValueError
        For inputs that are not real.
    """
    model = unwrap_model(model)
    if any(isinstance(hook, StandardiseInputs) for hook in model._forward_pre_hooks.values()):
        return model
    example = keep_statistics(model, NAMES, input_batches(data, examples))
    model.register_forward_pre_hook(StandardiseInputs(example))
    return model
