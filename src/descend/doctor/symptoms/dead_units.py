"""Dead units: ReLU units are inactive on every example, so their weights receive no gradient."""

from descend.doctor.course.progress import HARDLY_LEARNT, cost_left, is_stuck, yardstick_place
from descend.doctor.record import Record, Site, facts
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound

SOURCE = "Ba, CSC413 lecture 4, Plateaux: if a ReLU's input is always negative, the weight derivatives are exactly 0"
FADED = Bound(
    1e-3,
    "of the scale that a layer's outputs had at first",
    "chosen: hardly anything passes through the layer any more",
)
DEAD_LAYER = Bound(0.5, "of a layer's units", "well-initialised networks of these sizes have up to 0.3")


def dead_units(record: Record) -> Sign | None:
    """Report a layer with at least half of its units dead, in a run that does not learn; certain if all are dead.

    Where the targets are unknown, the loss says little: then the layer's outputs must have shrunk to almost zero.
    """
    curves = [(place, record.series("dead_share", place)) for place in record.places("dead_share")]
    stuck = is_stuck(record, "0")
    sick = [(p, curve) for p, curve in curves if curve.last >= DEAD_LAYER and (stuck or _has_faded(record, p))]
    if not sick:
        return None
    place, curve = max(sick, key=lambda pair: pair[1].last)
    layers = "" if len(sick) == 1 else f" (and at least half in {len(sick) - 1} more)"
    since = next(step for step, share in curve if share >= DEAD_LAYER)
    sentence = (
        f"since step {since}, {curve.last:.0%} of the ReLU units in {place}{layers} are inactive on every example "
        f"(limit: {DEAD_LAYER:.0%}), so their weights receive no gradient, and the loss does not fall"
    )
    return Sign(
        curve.last == 1.0,
        sentence,
        "dead_share",
        curve.last,
        DEAD_LAYER,
        SOURCE,
        _line(record, place),
        module=place,
        evidence=tuple(("dead_share", p) for p, _ in curves),
    )


def _has_faded(record: Record, place: str) -> bool:
    """Whether hardly anything passes through a layer any more, in a run whose loss need not end at zero."""
    scale = record.series("activation_scale", place)
    return yardstick_place(record) == "loss" and cost_left(record) > HARDLY_LEARNT and scale.last < FADED * scale.first


def _line(record: Record, place: str) -> Site | None:
    used = record.fact(facts.Activation, place)
    if used is not None and used.line:
        return Site("activation", place, used.file, used.line, detail=used.function)
    return record.site("model")
