"""Covariate shift: what a layer is fed changes while it learns, so that it learns for inputs that are gone."""

from descend.doctor.course.progress import HARDLY_LEARNT, first_rise, is_stuck
from descend.doctor.record import Record
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound, Count

SOURCE = "Ioffe & Szegedy 2015, §1: the distribution of each layer's inputs changes as the layers before it change"
LAYERS = Count(4, "layers", "chosen: in a shallow network hardly any layer has learning layers before it")
DRIFT = Bound(10.0, "times the scale at the start, either way", "chosen: an order of magnitude")


def covariate_shift(record: Record) -> Sign | None:
    """Activations in the middle of a deep network whose scale drifts tenfold in training, in a run that suffers."""
    curves = [(p, record.series("activation_scale", p).finite()) for p in record.places("activation_scale")]
    if len(curves) < LAYERS or not (is_stuck(record, "0", HARDLY_LEARNT) or first_rise(record, "0") is not None):
        return None
    known = [(p, c) for p, c in curves[1:] if len(c) > 2 and c.first > 0]
    drifts = [(p, max(c.max / c.first, c.first / c.min if c.min > 0 else 1.0)) for p, c in known]
    place, drift = max(drifts, key=lambda pair: pair[1], default=("", 1.0))
    if drift < DRIFT:
        return None
    return Sign(
        certain=False,
        sentence=f"the scale of {place} changes {drift:.0f} times during training (bound {DRIFT:g}): the layers "
        "behind it chase it",
        quantity="activation scale / at the start",
        value=drift,
        bound=DRIFT,
        source=SOURCE,
        where=record.site("model"),
        module=place,
        evidence=tuple(("activation_scale", p) for p, _ in curves),
    )
