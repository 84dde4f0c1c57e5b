"""Vanishing gradients: what reaches the first layers is a tiny part of what leaves the last."""

from descend.record import Record
from descend.symptoms.depth import weight_gradients
from descend.symptoms.progress import POOR, is_stuck
from descend.symptoms.symptom import Symptom

SOURCE = "Glorot & Bengio 2010, §4.2; Hochreiter 1991: each layer multiplies the gradient by its weights and its slope"
SMALL = 1e-2  # of the last layer's gradient


def vanishing_gradients(record: Record) -> Symptom | None:
    """The first layer's gradient is below a hundredth of the largest from the start, and the cost does not fall."""
    gradients = weight_gradients(record, 0)
    if len(gradients) < 3 or not is_stuck(record, "0", POOR):
        return None
    (first, value), (strongest, largest) = gradients[0], max(gradients, key=lambda pair: pair[1])
    if (
        not largest > 0
        or not 0 < value < SMALL * largest
        or gradients.index((strongest, largest)) < len(gradients) // 2
    ):
        return None
    return Symptom(
        id="vanishing_gradients",
        kind="dynamics",
        certain=False,
        confidence=0.85,
        sentence=f"the gradient of {first} is {value / largest:.1e} of that of {strongest} (bound {SMALL:g}): the "
        "first layers "
        "hardly move",
        quantity="gradient norm of the first layer / of the last",
        value=value / largest,
        bound=SMALL,
        source=SOURCE,
        where=record.site("model"),
        module=first,
        evidence=tuple(("gradient_norm", place) for place, _ in gradients),
        explains=frozenset({"slow_progress", "plateau", "saturated_units", "layer_rate_mismatch", "stopped_too_early"}),
    )
