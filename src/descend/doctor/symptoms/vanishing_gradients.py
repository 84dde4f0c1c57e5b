"""Vanishing gradients: only a tiny part of the gradient reaches the first layers or the first time steps."""

from descend.doctor.course.progress import HARDLY_LEARNT, is_stuck
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.depth import weight_gradients
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound, Count

SOURCE = "Glorot & Bengio 2010, §4.2; Hochreiter 1991: each layer multiplies the gradient by its weights and its slope"
SMALL = Bound(1e-2, "of the largest layer's gradient", "chosen: two orders of magnitude")
LAYERS = Count(3, "layers", "chosen: of two neither is far from the loss")
FORGOTTEN = Bound(1e-4, "of the gradient at the step where it is largest", "chosen: four orders of magnitude")


def vanishing_gradients(record: Record) -> Sign | None:
    """Report that almost no gradient reaches the first layer or the first time step, and the loss does not fall."""
    if not is_stuck(record, "0", HARDLY_LEARNT):
        return None
    return _through_depth(record) or _through_time(record)


def _through_depth(record: Record) -> Sign | None:
    gradients = weight_gradients(record, 0)
    if len(gradients) < LAYERS:
        return None
    (first, value), (strongest, largest) = gradients[0], max(gradients, key=lambda pair: pair[1])
    if (
        not largest > 0
        or not 0 < value < SMALL * largest
        or gradients.index((strongest, largest)) < len(gradients) // 2
    ):
        return None
    return _symptom(
        record,
        f"the gradient norm of {first} is {value / largest:.1e} of that of {strongest} (limit: {SMALL:g}), so the "
        "first layers receive almost no training signal",
        ("gradient norm of the first layer / of the last", value / largest, SMALL),
        first,
        tuple(("gradient_norm", place) for place, _ in gradients),
    )


def _through_time(record: Record) -> Sign | None:
    shares = [
        (share, place)
        for place in record.places("through_time")
        if (share := record.series("through_time", place).first) < FORGOTTEN
    ]
    if not shares:
        return None
    share, place = min(shares)
    layer = record.fact(facts.Recurrent, place)
    length = layer.length if layer else 0
    return _symptom(
        record,
        f"after backpropagation through {length} time steps of {place}, {share:.1e} of the gradient norm is left at "
        f"the first (limit: {FORGOTTEN:g}), so the layer cannot learn to keep early inputs",
        ("gradient at the first step / at the largest", share, FORGOTTEN),
        place,
        (("loss", "0"),),
    )


def _symptom(
    record: Record,
    sentence: str,
    number: tuple[str, float, float],
    module: str,
    evidence: tuple[tuple[str, str], ...],
) -> Sign:
    return Sign(
        certain=False,
        likely=True,
        sentence=sentence,
        quantity=number[0],
        value=number[1],
        bound=number[2],
        source=SOURCE,
        where=record.site("model"),
        module=module,
        evidence=evidence,
    )
