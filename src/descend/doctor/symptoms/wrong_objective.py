"""Wrong objective: what the script itself measures stands where it stands without learning, and its loss falls."""

from math import isfinite

from descend.doctor.course.own_metric import OwnMetric, own_metric
from descend.doctor.course.progress import is_falling, thirds
from descend.doctor.course.suffering import has_hardly_learnt, has_learnt_nothing, may_suffer
from descend.doctor.course.yardstick import STUCK
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign
from descend.ground.change import change_in_words

SOURCE = "Goodfellow et al. 2016, §8.1: training lowers one cost in the hope that another measure improves with it"


def wrong_objective(record: Record) -> Sign | None:
    """The training loss falls; what the script prints of what it has trained is as without learning, or lacks much.

    Where nothing at all is learnt it need not fall: a second mistake may keep it where it is.
    """
    metric = own_metric(record)
    is_nothing, falls = has_learnt_nothing(record), is_falling(record, "0")
    if metric is None or not may_suffer(record) or not (falls or is_nothing) or _is_same_task(record, metric):
        return None
    is_near = has_hardly_learnt(record)
    if not is_near and not any(record.every(kind) for kind in (facts.OnLoss, facts.OnInputs)):
        return None  # there is nothing to try
    ended = metric.end(record)
    is_no_better = is_nothing and falls and not metric.gained(ended) > 0
    verb = "is" if is_no_better else "may be"
    compared = "no better than" if is_no_better else "hardly better than" if is_nothing else "not so far from"
    beside = f", {compared} the {metric.untrained:.3g} of a network that has learnt nothing" if is_near else ""
    return Sign(
        certain=is_no_better,
        sentence=f"the training loss {_course(record)}, "
        f"and {metric.name!r}, by which the script itself says how good the network is, ends at {ended:.3g}{beside}: "
        f"what is minimised {verb} another task than what is measured",
        quantity=metric.name,
        value=ended,
        bound=metric.untrained,
        source=SOURCE,
        where=record.site("on_loss", "0") or record.site("loss") or record.site("backward"),
        evidence=(("loss", "0"), ("own_number", metric.name)),
    )


def _course(record: Record) -> str:
    """Return how the training loss went: `falls (2.302 → 1.9)`, the means of the run's first and last third."""
    early, late = thirds(record, "0")
    if not (isfinite(early) and isfinite(late)):
        return "is not finite"
    falls = is_falling(record, "0") or early - late > (1 - STUCK) * abs(early)
    verb = "falls" if falls else "hardly falls" if late < early else "does not fall"
    return f"{verb} ({change_in_words(early, late)})"


def _is_same_task(record: Record, metric: OwnMetric) -> bool:
    """Whether the number is a loss that the script evaluates and that falls along with the training loss."""
    number, curve = record.fact(facts.OwnNumber, metric.name), record.series("own_number", metric.name).finite()
    is_loss = number is not None and number.is_loss and bool(record.places("evaluation_loss"))
    return is_loss and not metric.rises and len(curve) > 1 and curve.last < curve.first and is_falling(record, "0")
