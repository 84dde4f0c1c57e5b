"""Averages of the weights over the steps: what noise and oscillation put into each iterate cancels in their mean.

torch's `AveragedModel` keeps an average beside a model; by default it is the mean of all iterates (Polyak & Juditsky
1992), and `bias_corrected_ema` makes it an exponential one. `swapped_in` puts it where evaluation code looks.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import AveragedModel, update_bn

from descend.ground.randomness import untouched_randomness


def bias_corrected_ema(decay: float = 0.999) -> Callable[[Sequence[Tensor], Sequence[Tensor], Any], None]:
    """Return a `multi_avg_fn` for `AveragedModel`: the moving average that starts at 0, divided by 1 − β^t.

    Started at 0, its weights (1 − β)β^(t−s) sum to 1 − β^t; torch's own starts at the first iterate, which then
    keeps the weight β^t for a long time. Kingma & Ba 2015, §3, for iterates. Raises `ValueError` for a decay outside
    [0, 1).
    """
    if not 0 <= decay < 1:
        raise ValueError(f"bias_corrected_ema: decay must lie in [0, 1), not {decay}")

    @torch.no_grad()
    def average(averaged: Sequence[Tensor], current: Sequence[Tensor], num_averaged: Any) -> None:
        share = (1 - decay) / (1 - decay ** (float(num_averaged) + 1))
        if averaged[0].is_floating_point() or averaged[0].is_complex():  # torch gives those of one type at a time
            torch._foreach_lerp_(list(averaged), list(current), share)
        else:  # a buffer that counts
            torch._foreach_copy_(list(averaged), list(current))

    return average


@contextmanager
def swapped_in(model: nn.Module, averaged: AveragedModel, batches: Iterable[Any] | None = None) -> Iterator[nn.Module]:
    """Let `model` hold the averaged weights in the block; nothing is copied, and its own come back after it.

    BatchNorm's running statistics belong to the weights with which they were measured: where there are any, give the
    `batches` (a loader of training data) on which to measure them anew for the average. Raises `ValueError` for the
    average of another model, and for no batches at all.
    """
    pairs = list(zip(model.parameters(), averaged.module.parameters()))
    if [p.shape for p in model.parameters()] != [p.shape for p in averaged.module.parameters()]:
        raise ValueError("swapped_in: this is the average of another model: its parameters have other shapes")
    held = [(b, b.clone()) for m in model.modules() if isinstance(m, _BatchNorm) for b in m.buffers(recurse=False)]
    _exchange(pairs)
    try:
        if batches is not None and held:
            with untouched_randomness():
                update_bn(_not_empty(batches), model, next(model.parameters()).device)
        yield model
    finally:
        _exchange(pairs)
        with torch.no_grad():
            for buffer, value in held:
                buffer.copy_(value)


def _not_empty(batches: Iterable[Any]) -> Iterator[Any]:
    """Yield the batches; without one BatchNorm's statistics would be those of nothing."""
    is_empty = True
    for batch in batches:
        is_empty = False
        yield batch
    if is_empty:
        raise ValueError("swapped_in: there are no batches to measure BatchNorm's statistics on")


def _exchange(pairs: list[tuple[nn.Parameter, nn.Parameter]]) -> None:
    for one, other in pairs:
        one.data, other.data = other.data, one.data
