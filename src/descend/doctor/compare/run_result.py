"""The result of one run of a search: its final cost, or why it has none."""

from dataclasses import dataclass
from math import inf, isfinite, nan

from descend.doctor.compare.choice import Values
from descend.doctor.compare.early_stopping import early_step
from descend.doctor.compare.result import TriedValues
from descend.doctor.prove.comparability import changed_task_message
from descend.doctor.prove.metric import ComparedMetric
from descend.doctor.prove.paired_runs import HANGS
from descend.doctor.record import Record
from descend.doctor.script.run_names import EndReason
from descend.doctor.trials.candidate import NEGATIVE_COST

DIVERGED = "the loss is infinite or NaN from step {} on"
NO_VALUE = "the run ends without a finite value of the metric"


@dataclass(frozen=True)
class RunEvaluator:
    """Evaluates the runs of a search by a metric, and compares each with a run of the unchanged script."""

    metric: ComparedMetric
    unchanged: Record  # run of the unchanged script with the same seed
    baseline: Record  # the observed run, which shows how the metric is read
    steps: int  # largest number of steps of each run

    def result(self, values: Values, record: Record, stopped_at: int | None) -> TriedValues:
        """Return the result of a run. stopped_at: the step at which it was stopped; None if it was not.

        A run takes a few further steps before it stops. These are not counted, because their number is random.
        """
        if stopped_at is not None:
            return TriedValues(values, inf, nan, stopped_at, record.run, is_stopped_early=True)
        diverged_at = _first_step_without_finite_loss(record)
        if diverged_at is not None and (record.ending is None or not _is_last_loss_finite(record)):
            return TriedValues(values, inf, nan, diverged_at + 1, record.run, reason=DIVERGED.format(diverged_at))
        reason = self._incomparable_message(record)
        cost, value = self.metric.cost(record, self.baseline), self.metric.value(record, self.baseline)
        if not reason and not isfinite(cost):
            reason = NO_VALUE if diverged_at is None else DIVERGED.format(diverged_at)
        return TriedValues(values, inf if reason else cost, value, record.steps, record.run, reason=reason)

    def _incomparable_message(self, record: Record) -> str:
        """Return why a run cannot be compared; "" if it can. Negative costs can: a search needs no ratios."""
        ending = record.ending
        if ending is not None and ending.reason == EndReason.WINDOW and record.steps < self.steps:
            return HANGS.format(record.steps)
        reason = changed_task_message(record, self.unchanged, self.baseline, self.metric)
        return "" if reason == NEGATIVE_COST else reason

    def early_cost(self, record: Record, horizon: int) -> float:
        """Return the cost of a run at the early step; infinity if it is not finite, or if the run ended earlier."""
        cost = self.metric.cost_until(record, self.baseline, early_step(horizon))
        return cost if isfinite(cost) else inf


def _is_last_loss_finite(record: Record) -> bool:
    """Return whether the last loss of each optimizer is finite."""
    return all(isfinite(record.series("loss", place).last) for place in record.places("loss"))


def _first_step_without_finite_loss(record: Record) -> int | None:
    """Return the first step at which a training loss is infinite or NaN; None if there is no such step."""
    losses = (record.series("loss", place) for place in record.places("loss"))
    return min((step for loss in losses for step, value in loss if not isfinite(value)), default=None)
