"""Averages of the weights over the steps, in which noise and oscillation cancel.

torch's `AveragedModel` stores the average: by default the mean of all iterates (Polyak & Juditsky 1992), with
`bias_corrected_ema` an exponential moving average. `swapped_in` evaluates the model with the averaged weights.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import AveragedModel, update_bn

from descend.core.randomness import preserve_random_states


def bias_corrected_ema(decay: float = 0.999) -> Callable[[Sequence[Tensor], Sequence[Tensor], Any], None]:
    """Return an averaging function for torch's `AveragedModel`: an exponential moving average divided by 1 − decay^t.

    The average starts at 0, so the weights of t iterates sum to 1 − decay^t. torch's own average starts at the first
    iterate, which keeps the weight decay^t for a long time. The correction is that of Kingma & Ba 2015, §3. Raises
    `ValueError` for a decay outside [0, 1).

    Parameters
    ----------
    decay : float
        The decay factor per step, in [0, 1).

    Returns
    -------
    callable
        The function for `AveragedModel(model, multi_avg_fn=…)`.
    """
    if not 0 <= decay < 1:
        raise ValueError(f"bias_corrected_ema: decay must be in [0, 1), not {decay}")

    @torch.no_grad()
    def update_average(averaged: Sequence[Tensor], current: Sequence[Tensor], num_averaged: Any) -> None:
        """Update the moving averages in place, with the current values of the same tensors."""
        share = (1 - decay) / (1 - decay ** (float(num_averaged) + 1))
        if averaged[0].is_floating_point() or averaged[0].is_complex():  # All tensors of one call have the same dtype.
            torch._foreach_lerp_(list(averaged), list(current), share)
        else:  # An integer buffer, such as a counter, is copied and not averaged.
            torch._foreach_copy_(list(averaged), list(current))

    return update_average


@contextmanager
def swapped_in(model: nn.Module, averaged: AveragedModel, batches: Iterable[Any] | None = None) -> Iterator[nn.Module]:
    """Give `model` the averaged weights within the `with` block, by exchanging tensors instead of copying them.

    Parameters
    ----------
    model : torch.nn.Module
        The model that gets the averaged weights.
    averaged : torch.optim.swa_utils.AveragedModel
        The average of the model.
    batches : iterable, optional
        Training batches on which to measure BatchNorm's running statistics again, since those of the model do not fit
        the averaged weights.

    Returns
    -------
    context manager
        For a `with` statement. It returns the model.

    Raises
    ------
    ValueError
        For the average of another model, and for an empty `batches`.
    """
    pairs = list(zip(model.parameters(), averaged.module.parameters()))
    if [p.shape for p in model.parameters()] != [p.shape for p in averaged.module.parameters()]:
        raise ValueError("swapped_in: the average and the model have parameters of different shapes")
    held = [(b, b.clone()) for m in model.modules() if isinstance(m, _BatchNorm) for b in m.buffers(recurse=False)]
    _swap_parameter_data(pairs)
    try:
        if batches is not None and held:
            with preserve_random_states():
                update_bn(_require_batches(batches), model, next(model.parameters()).device)
        yield model
    finally:
        _swap_parameter_data(pairs)
        with torch.no_grad():
            for buffer, value in held:
                buffer.copy_(value)


def _require_batches(batches: Iterable[Any]) -> Iterator[Any]:
    """Yield the batches. Raises `ValueError` if there are none, because BatchNorm needs some for its statistics."""
    is_empty = True
    for batch in batches:
        is_empty = False
        yield batch
    if is_empty:
        raise ValueError("swapped_in: BatchNorm's statistics cannot be measured, because there are no batches")


def _swap_parameter_data(pairs: list[tuple[nn.Parameter, nn.Parameter]]) -> None:
    """Swap the data tensors of the two parameters in each pair, in place."""
    for one, other in pairs:
        one.data, other.data = other.data, one.data
