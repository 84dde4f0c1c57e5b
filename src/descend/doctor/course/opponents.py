"""Do optimizers work against each other? Then a loss falls or rises by what another one does, too.

A generator's loss rises because its critic learns: no share of it tells how well either trains. What no opponent's
turn explains is a loss that is no longer finite, or that stands far above all that it was at the start.
"""

from math import isfinite

from descend.doctor.record import Record, facts
from descend.ground.bound import Bound

EXPLODED = Bound(
    30.0,
    "times its first value, of a loss that has a floor at 0",
    "a critic that answers one half pays 2·ln 2, and a generator that a sure critic finds out a few times what "
    "it did; a critic at 2000 times the usual rate pays 60 times it",
)


def has_opponents(record: Record) -> bool:
    """Whether there are optimizers that step in turn, each on a loss of its own that the other's steps move."""
    return bool(record.every(facts.Opponents))


def exploded_at(record: Record, key: str) -> int | None:
    """Return the step at which the loss first was not finite, or stood far above its start; None if it never did."""
    losses = record.series("loss", key)
    has_floor = losses.first > 0 and losses.finite().min >= 0
    for step, value in losses:
        if not isfinite(value) or (has_floor and value > EXPLODED * losses.first):
            return step
    return None


def has_exploded(record: Record) -> bool:
    """Whether any optimizer's loss has."""
    return any(exploded_at(record, key) is not None for key in record.places("loss"))
