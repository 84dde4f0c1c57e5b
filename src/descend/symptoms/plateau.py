"""Plateau: the gradient is small everywhere, and the cost stays where it began."""

from descend.record import Record
from descend.symptoms.progress import falls, left
from descend.symptoms.symptom import Symptom

SOURCE = "Ba, CSC413 lecture 4, Plateaux: a plateau is a flat region; where φ' is close to 0 the weights get stuck"
LEFT = 0.85
SMALL = 1e-2  # gradient norm; a cost of order one has gradients of order one
FLAT = 0.05


def plateau(record: Record) -> Symptom | None:
    """Hardly any gradient and hardly any fall, from beginning to end."""
    norms = record.series("gradient_norm", "").finite()
    if not left(record) > LEFT or falls(record, 0.8) > FLAT or len(norms) < 3:
        return None
    usual = sorted(norms.values)[len(norms) // 2]
    if not usual < SMALL:
        return None
    return Symptom(
        id="plateau",
        kind="dynamics",
        certain=False,
        confidence=0.7,
        sentence=f"the gradient's norm is {usual:.1e} (bound {SMALL:g}) and the cost does not fall: the run sits on "
        "a plateau",
        quantity="gradient_norm",
        value=usual,
        bound=SMALL,
        source=SOURCE,
        where=record.site("model") or record.site("loss"),
        evidence=(("gradient_norm", ""), ("loss", "0")),
        explains=frozenset({"slow_progress", "stopped_too_early", "saddle_point"}),
    )
