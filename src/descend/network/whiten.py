"""Whitening of the inputs inside the model."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from descend.data.batches import input_batches
from descend.data.whiten import EXAMPLES, apply_whitening, fit_whitening
from descend.network.kept_statistics import device_and_precision, unwrap_model
from descend.network.standardise import StandardiseInputs

NAMES = ("whitening_mean", "whitening_matrix")
EPS = 1e-5  # Directions with less than this share of the largest variance are noise and are not amplified.


def whiten_inputs(model: nn.Module, data: Any, *, eps: float = EPS, examples: int = EXAMPLES) -> nn.Module:
    """Make `model` whiten its inputs, V Λ^−½ Vᵀ(x − mean), with mean and covariance of `data`. Return the model.

    LeCun et al. 1998, §4.3. Inputs keep their shape and the order of their features (`zca=True` of
    `descend.data.Whiten`). Mean and matrix are buffers, saved with the model. If the model standardises its inputs,
    whitening follows that; `data` are the original inputs. A second call has no effect, and no random number is drawn.

    Parameters
    ----------
    model : torch.nn.Module
        The model to change.
    data : DataLoader, Dataset, Tensor or iterable of batches
        The training data. The first element of a batch is the inputs.
    eps : float
        A share of the largest variance, which is added to each variance so that directions with less variance stay
        small.
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
        Unless there are more examples than features.
    """
    model = unwrap_model(model)
    if _whiten_arguments in model._forward_pre_hooks.values():
        return model
    if taken := [name for name in NAMES if hasattr(model, name)]:
        raise ValueError(f"the model already has an attribute {taken[0]}")
    device, dtype = device_and_precision(model)

    def standardised_batches() -> Iterator[Tensor]:
        """Return the batches of inputs in `data`, standardised if the model also standardises its inputs."""
        return (_apply_existing_standardisation(model, batch.to(device)) for batch in input_batches(data, examples))

    for name, part in zip(NAMES, fit_whitening(standardised_batches, zca=True, eps=eps, examples=examples)):
        model.register_buffer(name, part.to(device, dtype))
    model.register_forward_pre_hook(_whiten_arguments)
    return model


def _apply_existing_standardisation(model: nn.Module, inputs: Tensor) -> Tensor:
    """Return the inputs, standardised if `standardise_inputs` has added a hook to the model, else unchanged."""
    for hook in model._forward_pre_hooks.values():
        if isinstance(hook, StandardiseInputs):
            inputs, *_ = hook(model, (inputs,))
    return inputs


def _whiten_arguments(model: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the model's arguments with the first one, its inputs, whitened. Registered as a forward pre-hook."""
    if not arguments or not isinstance(arguments[0], Tensor):
        raise TypeError("whiten_inputs needs the model's inputs as its first positional argument")
    inputs, *others = arguments
    mean, matrix = (model.get_buffer(name) for name in NAMES)
    return apply_whitening(inputs, mean, matrix).reshape(inputs.shape), *others
