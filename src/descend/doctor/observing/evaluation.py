"""An evaluation: the losses of its batches, and what they cost in the terms of the task.

A remedy may edit the loss that a script evaluates, too: its unit then moves, and its value says nothing. The terms are
the yardstick's, which no loss can move.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from statistics import fmean
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

from descend.doctor.observing.frames import Lines
from descend.doctor.probes.monitored_loss import cost, median_error, place_of
from descend.doctor.record import Reading


class Terms(NamedTuple):
    """What one call of a loss comes to in the terms of the task."""

    place: str  # negative_log_likelihood or squared_error
    cost: float  # summed
    targets: int
    median: float  # of the squared errors; NaN of classes


class Batch(NamedTuple):
    """One call of a loss that no gradient is taken of."""

    lines: Lines  # that made it
    loss: Tensor  # for each example
    terms: Terms | None = None


def terms(function: str, given: tuple[Any, ...], named: Mapping[str, Any]) -> Terms | None:
    """Return what a loss function's arguments come to; None where they are no prediction and target."""
    place, ignored = place_of(function), named.get("ignore_index", -100)
    with torch.no_grad(), _disable_current_modes():
        try:
            prediction, target = (*given, *(named[name] for name in ("input", "target") if name in named))[:2]
            total, _, count = cost(function, prediction, target, ignored=ignored)
            median = median_error([(prediction, target)]) if place == "squared_error" else float("nan")
        except (
            RuntimeError,
            IndexError,
            TypeError,
            ValueError,
            AttributeError,
        ):  # shapes that only this function knows how to pair
            return None
    return Terms(place, total, count, median) if count else None


def readings(number: int, step: int, batches: Sequence[Batch]) -> Iterator[Reading]:
    """Yield what the batches of one evaluation come to; `number` is that of its lines."""
    if finite := [value for batch in batches if isfinite(value := batch.loss.item())]:
        yield Reading("evaluation_loss", str(number or ""), step, fmean(finite))
    known = [batch.terms for batch in batches if batch.terms is not None]
    places = {found.place for found in known}
    if len(known) < len(batches) or len(places) != 1:
        return
    place = f"{places.pop()} {number}"
    yield Reading("evaluation_yardstick", place, step, sum(t.cost for t in known) / sum(t.targets for t in known))
    if isfinite(median := fmean(t.median for t in known)):
        yield Reading("evaluation_median_error", place, step, median)
