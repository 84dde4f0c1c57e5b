"""The learning rate that acts in a run: the optimizer's own, or what a loop or a schedule puts in its place."""

from math import isclose

from descend.doctor.course.stability import rate_of
from descend.doctor.record import Record, Site, facts
from descend.ground.bound import Bound

ROUNDED = 1e-6  # relative: a schedule computes its largest learning rate
ABSOLUTE = frozenset({"OneCycleLR", "CyclicLR"})  # schedulers that do not read the optimizer's learning rate
DECAYED = Bound(
    0.5, "of the optimizer's own learning rate", "chosen: a rate that decays slowly is still near it after a few steps"
)


def absolute_schedule(record: Record) -> Site | None:
    """Return the scheduler that replaces the optimizer's learning rate by another one, if there is one."""
    return next((site for site in record.every_site("scheduler") if site.detail in ABSOLUTE), None)


def acting_rate(record: Record, key: str) -> float:
    """Return the learning rate that an optimizer is given; the largest that acts where that is overwritten.

    0 where neither is known.
    """
    own, largest = rate_of(record.fact(facts.Optimizer, key)), record.series("learning_rate", key).max
    is_overwritten = record.site("overwritten", f"{key}.lr") is not None or absolute_schedule(record) is not None
    is_own = DECAYED * own <= largest <= own or isclose(largest, own, rel_tol=ROUNDED)
    if not is_overwritten or not largest > 0 or is_own:
        return own
    return largest
