"""Wrong objective: what the script itself measures stands where it stands without learning, and its loss falls."""

from math import isfinite

from descend.doctor.course.objective import losses
from descend.doctor.course.own_metric import OwnMetric, own_metric
from descend.doctor.course.progress import is_falling, smoothed, thirds
from descend.doctor.course.suffering import has_hardly_learnt, has_learnt_nothing, may_suffer
from descend.doctor.course.yardstick import STUCK
from descend.doctor.record import Record, Series, facts
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound
from descend.ground.change import change_in_words

SOURCE = "Goodfellow et al. 2016, §8.1: training lowers one cost in the hope that another measure improves with it"
AS_LARGE = Bound(0.25, "of the larger one", "chosen: one function on held-out and training data, little overfitted")


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
    """Whether the number is a loss that the script evaluates, and that falls as the training loss does.

    Its function is seen where it is one of `torch.nn.functional`; of another one its values say that it is the same.
    """
    number, curve = record.fact(facts.OwnNumber, metric.name), record.series("own_number", metric.name).finite()
    if number is None or not number.is_loss or metric.rises or not is_falling(record, "0"):
        return False
    falls = len(curve) > 1 and curve.last < curve.first
    return falls and (bool(record.places("evaluation_loss")) or _is_as_large(record, curve))


def _is_as_large(record: Record, curve: Series) -> bool:
    """Whether a printed loss was about as large as the training loss whenever it was printed."""
    training = smoothed(losses(record, "0").finite())
    if not len(training):
        return False
    pairs = [(value, training.at(step)) for step, value in curve]
    return all(abs(value - loss) <= AS_LARGE * max(abs(value), abs(loss)) for value, loss in pairs)
