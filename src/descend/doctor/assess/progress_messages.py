"""Phrases that say how much of the loss, or of a logged metric, a run has left."""

from math import isfinite

from descend.doctor.assess.constant_prediction import constant_message
from descend.doctor.assess.evaluation_metric import attainable_loss
from descend.doctor.assess.logged_metric import remaining_gap_message
from descend.doctor.assess.summary import RunSummary


def loss_left_message(summary: RunSummary) -> str:
    """Return how much is left to learn, such as `the loss is still 87% of that of the best constant prediction`."""
    record = summary.record
    if isfinite(share := summary.remaining_gap_of_task_metric):
        return remaining_gap_message(record, summary.metrics, share)
    whose = f"that of {constant_message(record)}" if summary.constant_cost else "the initial loss"
    floor, share = attainable_loss(record), summary.cost_left
    above = f" above the attainable {floor:.3g}" if floor else ""
    times = f"{share:.1f} times" if share > 1.5 else f"{share:.0%} of"
    return f"the loss{above} is still {times} {whose}"


def not_learned_message(summary: RunSummary, key: str, share: float) -> str:
    """Return the reason why a run counts as stuck, such as `the loss is still 31% of the initial loss`."""
    if summary.diverged(key):
        return "the training loss became infinite or NaN"
    if isfinite(summary.cost_left):
        return loss_left_message(summary)
    return f"the training loss did not end below {share:.0%} of its first value"
