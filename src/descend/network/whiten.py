"""Inputs without correlations, inside the model: what `standardise_inputs` does, for all directions at once."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from descend.data.batches import input_batches
from descend.data.whiten import EXAMPLES, fit_whitening, whitened
from descend.network.kept_statistics import place_and_precision, unwrapped
from descend.network.standardise import StandardiseInputs

NAMES = ("whitening_mean", "whitening_matrix")
EPS = 1e-5  # of the largest variance: a direction of less is noise of the measurement, not to be blown up


def whiten_inputs(model: nn.Module, data: Any, *, eps: float = EPS, examples: int = EXAMPLES) -> nn.Module:
    """Make `model` whiten its inputs by those in `data`, V Λ^−½ Vᵀ(x − mean), and return it (LeCun et al. 1998, §4.3).

    Inputs keep their shape and the places of their features (`zca` of `descend.data.Whiten`, which see). Mean and
    matrix are buffers, saved with the model. A second call does nothing, and no random number is drawn. What the model
    standardises first (`standardise_inputs`) is whitened as it then is; `data` are the inputs as they come.
    Raises `TypeError` for data that cannot be read, `ValueError` for no more examples than features.
    """
    model = unwrapped(model)
    if _whiten in model._forward_pre_hooks.values():
        return model
    if taken := [name for name in NAMES if hasattr(model, name)]:
        raise ValueError(f"the model already has a {taken[0]} of its own")
    device, dtype = place_and_precision(model)

    def entering() -> Iterator[Tensor]:
        return (_standardised(model, batch.to(device)) for batch in input_batches(data, examples))

    for name, part in zip(NAMES, fit_whitening(entering, zca=True, eps=eps, examples=examples)):
        model.register_buffer(name, part.to(device, dtype))
    model.register_forward_pre_hook(_whiten)
    return model


def _standardised(model: nn.Module, inputs: Tensor) -> Tensor:
    for hook in model._forward_pre_hooks.values():
        if isinstance(hook, StandardiseInputs):
            inputs, *_ = hook(model, (inputs,))
    return inputs


def _whiten(model: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """A forward pre-hook: the first positional argument, whitened."""
    if not arguments or not isinstance(arguments[0], Tensor):
        raise TypeError("whiten_inputs needs the model's inputs as its first positional argument")
    inputs, *others = arguments
    mean, matrix = (model.get_buffer(name) for name in NAMES)
    return whitened(inputs, mean, matrix).reshape(inputs.shape), *others
