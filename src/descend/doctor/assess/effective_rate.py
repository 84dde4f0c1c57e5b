"""The effective learning rate of a run: the optimizer's own, or the one that a loop or a scheduler sets instead."""

from math import isclose

from descend.core.bound import Bound
from descend.doctor.assess.stability import learning_rate_of
from descend.doctor.record import Record, Site, SiteKind, facts

ROUNDED = 1e-6  # relative rounding error of a learning rate that a schedule computes
ABSOLUTE = frozenset({"OneCycleLR", "CyclicLR"})  # schedulers that ignore the optimizer's learning rate
DECAYED = Bound(
    0.5,
    "largest learning rate of the run divided by the one that the script passes to the optimizer",
    "chosen: in the first steps, a slowly decaying learning rate stays near its initial value",
)

SQUARED = Bound(
    0.1,
    "relative difference between the largest learning rate and the square of the optimizer's lr",
    "chosen: a schedule whose function returns learning rates gives lr × lr, and warm-up may miss its maximum slightly",
)


def find_squared_rate(record: Record) -> str | None:
    """Return the first optimizer whose largest learning rate is the square of its setting, below 1; None without one.

    Only `LambdaLR` multiplies the setting by the value of a function.
    """
    is_multiplied = any(scheduler.rule == "LambdaLR" for scheduler in record.every(facts.Scheduler).values())
    for key, optimizer in record.every(facts.Optimizer).items() if is_multiplied else ():
        own, largest = learning_rate_of(optimizer), record.series("learning_rate", key).max
        if 0 < own < 1 and abs(largest / own**2 - 1) < SQUARED and largest < DECAYED * own:
            return key
    return None


def find_overriding_scheduler(record: Record) -> Site | None:
    """Return where the script creates a scheduler that ignores the optimizer's learning rate; None if nowhere."""
    return next((site for site in record.every_site(SiteKind.SCHEDULER) if site.detail in ABSOLUTE), None)


def effective_learning_rate(record: Record, key: str) -> float:
    """Return the learning rate that an optimizer really uses; 0 if it is unknown.

    It is the one passed to the optimizer, or the largest one that a loop or a scheduler sets instead.
    """
    own, largest = learning_rate_of(record.fact(facts.Optimizer, key)), record.series("learning_rate", key).max
    is_overwritten = (
        record.site(SiteKind.OVERWRITTEN, f"{key}.lr") is not None or find_overriding_scheduler(record) is not None
    )
    is_own = DECAYED * own <= largest <= own or isclose(largest, own, rel_tol=ROUNDED)
    if not is_overwritten or not largest > 0 or is_own:
        return own
    return largest
