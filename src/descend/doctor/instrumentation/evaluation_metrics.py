"""Values of one evaluation: the mean of the script's loss, and the evaluation metric computed from its arguments.

A remedy may change the loss that a script evaluates. Its values are then not comparable, but the evaluation metric is
the same before and after.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from statistics import fmean
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

from descend.doctor.instrumentation.frames import Lines
from descend.doctor.measure.monitored_loss import cost, median_error, metric_name
from descend.doctor.record import Reading


class MetricSum(NamedTuple):
    """The evaluation metric of one batch, computed from the arguments of a loss function."""

    place: str  # name of the metric: negative_log_likelihood or squared_error
    cost: float  # sum of the metric over the targets
    targets: int
    median: float  # median of the squared errors; NaN for classification


class EvaluationBatch(NamedTuple):
    """One call of a loss function during an evaluation, without a gradient."""

    lines: Lines  # the source lines that call the loss function
    loss: Tensor  # the mean loss of the examples
    terms: MetricSum | None = None


def metric_sum(function: str, given: tuple[Any, ...], named: Mapping[str, Any]) -> MetricSum | None:
    """Return the evaluation metric of a loss function's arguments; None if they are not a prediction and a target."""
    place, ignored = metric_name(function), named.get("ignore_index", -100)
    with torch.no_grad(), _disable_current_modes():
        try:
            prediction, target = (*given, *(named[name] for name in ("input", "target") if name in named))[:2]
            total, _, count = cost(function, prediction, target, ignored=ignored)
            median = median_error([(prediction, target)]) if place == "squared_error" else float("nan")
        # The metric cannot be computed for arguments of these shapes or types.
        except (RuntimeError, IndexError, TypeError, ValueError, AttributeError):
            return None
    return MetricSum(place, total, count, median) if count else None


def evaluation_readings(number: int, step: int, batches: Sequence[EvaluationBatch]) -> Iterator[Reading]:
    """Yield the mean loss and the metric of one evaluation, which is identified by its number and the step."""
    if finite := [value for batch in batches if isfinite(value := batch.loss.item())]:
        yield Reading("evaluation_loss", str(number or ""), step, fmean(finite))
    known = [batch.terms for batch in batches if batch.terms is not None]
    places = {found.place for found in known}
    if len(known) < len(batches) or len(places) != 1:
        return
    place = f"{places.pop()} {number}"
    yield Reading("evaluation_metric", place, step, sum(t.cost for t in known) / sum(t.targets for t in known))
    if isfinite(median := fmean(t.median for t in known)):
        yield Reading("evaluation_median_error", place, step, median)
