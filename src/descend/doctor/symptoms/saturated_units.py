"""Saturated units: sigmoid or tanh units work in their flat range, where almost no gradient passes."""

from descend.doctor.course.progress import HARDLY_LEARNT, is_stuck
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound

SOURCE = "Ba, CSC413 lecture 4, Plateaux: saturated units; Glorot & Bengio 2010, §3.2"
SHARE = Bound(0.5, "of a layer's activations", "chosen: half of a layer is most of it")


def saturated_units(record: Record) -> Sign | None:
    """Half of a hidden layer's activations are flat from the first look on, and much of the cost is left."""
    curves = [(place, record.series("saturated_share", place)) for place in record.places("saturated_share")]
    sick = [(place, curve) for place, curve in curves if curve.first >= SHARE]
    if not sick or not is_stuck(record, "0", HARDLY_LEARNT):
        return None
    place, curve = max(sick, key=lambda pair: pair[1].first)
    used = record.fact(facts.Activation, place)
    return Sign(
        certain=False,
        likely=True,
        sentence=f"{curve.first:.0%} of the outputs of {place} lie on the flat ends of "
        f"{used.function if used else 'the sigmoid'} at the first step (bound {SHARE:.0%}): hardly any gradient passes",
        quantity="saturated_share",
        value=curve.first,
        bound=SHARE,
        source=SOURCE,
        where=record.site("model"),
        module=place,
        evidence=tuple(("saturated_share", p) for p, _ in curves),
    )
