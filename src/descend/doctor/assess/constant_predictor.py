"""Whether a run has learned nothing: its predictions are no better than the best constant one."""

from descend.doctor.assess.evaluation_metric import STUCK, evaluation_metric
from descend.doctor.assess.logged_metric import LoggedMetric, is_at_chance, main_metric
from descend.doctor.assess.summary import summarise
from descend.doctor.record import Record

TASK_LOSSES = ("negative_log_likelihood", "squared_error")  # losses for which the best constant prediction is known


def predicts_constant(record: Record) -> bool:
    """Return whether the final loss of a run is near that of the best constant prediction or, if unknown, the first.

    A classifier may predict many classes correctly although its loss has almost not fallen, so a logged metric that
    improves shows that it learns.
    """
    summary, metric = summarise(record), main_metric(record)
    if metric is not None and (is_at_chance(record, metric) is False or _improves(record, metric)):
        return False
    return evaluation_metric(record) in TASK_LOSSES and summary.has_reference_cost and summary.is_stuck("0")


def _improves(record: Record, metric: LoggedMetric) -> bool:
    """Return whether the cost of a logged metric is clearly lower at its last value than at its first one."""
    curve = metric.cost_series(record)
    return len(curve) > 1 and curve.last < STUCK * curve.first
