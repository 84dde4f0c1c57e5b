"""Local optima: a small network is stuck in a poor minimum, and another initialisation does better."""

from descend.doctor.course.progress import HARDLY_LEARNT, cost_left, falls
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound, Count

SOURCE = "Ba, CSC413 lecture 4, Recap: local optima are hard to diagnose; random restarts are the way out"
SMALL = Count(500, "parameters", "chosen: wide networks do not end in bad minima (Choromanska et al. 2015)")
ASTRAY = Bound(1.05, "of the best constant prediction's cost", "chosen: what costs more has not settled, but diverged")
FLAT = Bound(0.02, "of the cost, over the last half of the run", "chosen: a cost that falls by less has settled")


def local_optima(record: Record) -> Sign | None:
    """A tiny network whose cost has stopped falling half-way down; a restart has to win."""
    optimizer = record.fact(facts.Optimizer, "0")
    size = optimizer.parameters if optimizer else 0
    if (
        not record.every(facts.Activation)
        or not 0 < size <= SMALL
        or not HARDLY_LEARNT < cost_left(record) < ASTRAY
        or falls(record) > FLAT
    ):
        return None
    return Sign(
        certain=False,
        sentence=f"with {size} parameters the cost has settled at {cost_left(record):.0%} of that of a constant "
        "prediction and no longer moves: where so small a network ends depends on its start",
        quantity="cost / constant prediction's",
        value=cost_left(record),
        bound=HARDLY_LEARNT,
        source=SOURCE,
        where=record.site("model") or record.site("optimizer", "0"),
    )
