"""The values that output activations can take, and what they exclude."""

from math import inf

from descend.core.bound import Bound
from descend.doctor.record import Record, facts

ONE_SIDED = {"relu": (0.0, inf), "softplus": (0.0, inf), "relu6": (0.0, 6.0)}
LEAST_FLOOR = Bound(0.01, "nats", "chosen: label smoothing alone can raise the lowest possible loss by this much")


def lowest_loss_on_simplex(record: Record) -> float | None:
    """Return the lowest binary cross-entropy of outputs that sum to 1; None unless several targets can be 1 at once."""
    targets = record.fact(facts.Targets)
    return targets.simplex_floor if targets is not None and targets.simplex_floor > LEAST_FLOOR else None
