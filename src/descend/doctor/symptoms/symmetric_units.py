"""Symmetric units: hidden units have identical weights, and no gradient can make them differ."""

from descend.doctor.record import Record
from descend.doctor.symptoms.sign import EARLY, Ruin, Sign
from descend.ground.bound import Bound

SOURCE = "Ba, CSC413 lecture 4, Saddle points: units with identical weights always remain identical"
TWINS = Bound(0.5, "of a layer's units that have a twin", "chosen: a random initialisation has none")


def symmetric_units(record: Record) -> Sign | None:
    """A weight matrix at least half of whose units have kept an identical twin since the first step."""
    curves = [(place, record.series("twin_share", place)) for place in record.places("twin_share")]
    sick = [(p, c) for p, c in curves if len(c) > 1 and c.min >= TWINS and c.steps[-1] >= EARLY]
    if not sick:
        return None
    place, curve = max(sick, key=lambda pair: pair[1].last)
    others = "" if len(sick) == 1 else f" and {len(sick) - 1} more"
    return Ruin(
        True,
        f"{curve.last:.0%} of the units of {place}{others} have a twin with identical weights, still after "
        f"{curve.steps[-1]} steps (bound {TWINS:.0%}): the layer computes one feature many times over",
        "twin_share",
        curve.last,
        TWINS,
        SOURCE,
        record.site("model"),
        module=place,
        evidence=tuple(("twin_share", p) for p, _ in curves),
    )
