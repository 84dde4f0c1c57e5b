"""Adversarial optimizers, such as those of a GAN: the loss of one also depends on the steps of the other.

A generator's loss rises when its critic learns, so the loss does not measure progress. A loss that is not finite, or
far above its initial value, still shows a failure.
"""

from math import isfinite

from descend.core.bound import Bound
from descend.doctor.record import Record, facts

EXPLODED = Bound(
    30.0,
    "multiple of the first loss, for a loss that is never negative",
    "a discriminator that always outputs one half has a loss of 2·ln 2, and a generator's loss can grow to a few times "
    "its first value; with 2000 times the usual learning rate, a discriminator's loss grew to 60 times its first value",
)


def has_opponents(record: Record) -> bool:
    """Return whether the training is adversarial: optimizers take turns, and each changes the other's loss."""
    return bool(record.every(facts.Opponents))


def first_exploded_step(record: Record, key: str) -> int | None:
    """Return the first step whose loss is not finite or far above the first loss; None if there is no such step."""
    losses = record.series("loss", key)
    has_floor = losses.first > 0 and losses.finite().min >= 0
    for step, value in losses:
        if not isfinite(value) or (has_floor and value > EXPLODED * losses.first):
            return step
    return None


def has_exploded(record: Record) -> bool:
    """Return whether any optimizer's loss became infinite, NaN or far larger than its first value."""
    return any(first_exploded_step(record, key) is not None for key in record.places("loss"))
