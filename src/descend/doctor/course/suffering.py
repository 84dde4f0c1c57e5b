"""Does the run suffer? The one gate of what is only suspected because something has to be wrong.

Free of charge, from what is on record: the loss diverged or rose, nothing was learnt beyond a constant, what had been
learnt was lost again, or one of the script's own numbers has not come half of the way from where it stands unlearnt.
"""

from descend.doctor.course.objective import losses
from descend.doctor.course.own_metric import (
    is_at_chance,
    is_told_by_loss,
    lacks_little,
    own_left,
    own_metric,
    own_metrics,
    stands_still,
)
from descend.doctor.course.progress import (
    HARDLY_LEARNT,
    LEFT_TO_LEARN,
    cost_left,
    diverged,
    first_rise,
    has_reference,
    is_stuck,
    rebounds,
    smoothed,
)
from descend.doctor.record import Record


def suffers(record: Record, key: str = "0") -> bool:
    """Whether something must be wrong with a run. False where it cannot be told, too."""
    if diverged(record, key) or rebounds(record):
        return True
    is_stuck_by_loss = is_told_by_loss(record) and has_reference(record) and is_stuck(record, key)
    if (_has_risen(record, key) or is_stuck_by_loss) and not has_come_far(record):
        return True
    return has_hardly_learnt(record)


def _has_risen(record: Record, key: str) -> bool:
    """Return whether the loss rose; one that does not measure the task must end above its first value, too."""
    curve = smoothed(losses(record, key))
    return first_rise(record, key) is not None and (is_told_by_loss(record) or not curve.last < curve.first)


def has_come_far(record: Record) -> bool:
    """Whether one of the script's own numbers is known to lack little of what it lacks without learning.

    Targets that are noise for the most part leave a loss hardly below a constant's, and its batches anywhere.
    """
    return any(lacks_little(record, metric) for metric in own_metrics(record))


def has_hardly_learnt(record: Record) -> bool:
    """Whether any number that the script says of what it has trained is known not to have come along."""
    return any(stands_still(record, metric) for metric in own_metrics(record))


def has_learnt_nothing(record: Record) -> bool:
    """Whether all that the script says of what it has trained is known to stand where it stands without learning."""
    answers = [is_at_chance(record, metric) for metric in own_metrics(record)]
    return bool(answers) and all(answer is True for answer in answers)


def may_suffer(record: Record, key: str = "0") -> bool:
    """Whether a run suffers, or a tenth is left by any yardstick, or there is none: a trial is worth its time."""
    return suffers(record, key) or not cost_left(record) < LEFT_TO_LEARN or may_lack_unseen(record)


def may_be_poor(record: Record, key: str = "0") -> bool:
    """Whether much is left of what a constant costs, or no loss can tell and the script's own number does not deny it.

    It is enough for what is seen in the wiring, and may be meant.
    """
    return is_stuck(record, key, HARDLY_LEARNT) or not is_told_by_loss(record) and not own_left(record) < LEFT_TO_LEARN


def may_lack_unseen(record: Record) -> bool:
    """Whether something may be missing that does not show in what the loss comes to: by the script's own numbers."""
    return not is_told_by_loss(record) or has_hardly_learnt(record) or lacks_elsewhere(record)


def lacks_elsewhere(record: Record) -> bool:
    """Whether much is, or may be, missing by a number that the script does not measure on its training data.

    Of a gain it is never known: it has no end.
    """
    metric = own_metric(record)
    if metric is None or metric.is_held_out is False:
        return False
    if metric.kind == "gain":
        return True
    curve = metric.curve(record)
    return curve.last > LEFT_TO_LEARN * (metric.whole if metric.kind == "share" else curve.first)
