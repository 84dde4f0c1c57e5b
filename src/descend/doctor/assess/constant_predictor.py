"""Whether a run has learned nothing: its predictions are no better than the best constant one."""

from descend.doctor.assess.evaluation_metric import evaluation_metric
from descend.doctor.assess.summary import summarise
from descend.doctor.record import Record

TASK_LOSSES = ("negative_log_likelihood", "squared_error")  # losses for which the best constant prediction is known


def predicts_constant(record: Record) -> bool:
    """Return whether the final loss of a run is near that of the best constant prediction or, if unknown, the first."""
    summary = summarise(record)
    return evaluation_metric(record) in TASK_LOSSES and summary.has_reference_cost and summary.is_stuck("0")
