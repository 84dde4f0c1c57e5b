"""Sum reduction: the loss, its gradient and its curvature grow with the batch size, and so does the step."""

from math import prod

from descend.doctor.course.progress import HARDLY_LEARNT, first_rise, is_stuck
from descend.doctor.course.stability import is_of
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound

SOURCE = (
    "Goyal et al. 2017, §3: a gradient summed over N examples is N times the mean's, so the rate means N times as much"
)
LEAST = Bound(8.0, "terms that are summed", "chosen; see the range within which no diagnosis changes")


def sum_reduction(record: Record) -> Sign | None:
    """A loss summed over its terms, in a run that is unstable or stuck; with an adaptive rule it does not matter."""
    given = record.fact(facts.LossInput)
    if given is None:
        return None
    summed = given.reduction == "sum" or given.by_hand and record.site("reduction") is not None
    terms = float(prod(given.target_shape))
    if not summed or terms < LEAST or not is_of(record, "0", ("SGD",)):
        return None
    if first_rise(record, "0") is None and not is_stuck(record, "0", HARDLY_LEARNT):
        return None
    return Sign(
        certain=False,
        likely=True,
        sentence=f"the loss is the sum over {terms:.0f} terms: its gradient and its curvature are {terms:.0f} times "
        "those of the mean, so the learning rate acts like one that is so many times larger",
        quantity="terms in the sum",
        value=terms,
        bound=1.0,
        source=SOURCE,
        where=record.site("loss_module") or record.site("reduction") or record.site("loss"),
    )
