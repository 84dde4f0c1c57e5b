"""Incorrect gradients: a hand-written backward disagrees with finite differences of its forward."""

from descend.record import Record, Site
from descend.symptoms.symptom import ECHOES, Symptom

SOURCE = "Ba, CSC413 lecture 4, Recap: finite differences show incorrect gradients"
ADVICE = "Let autograd differentiate the forward, or correct the backward until `descend gradcheck` calls it right."
WRONG = 1e-3  # relative error; a right one is below 1e-6 in float64, a wrong one above 0.01


def incorrect_gradients(record: Record) -> Symptom | None:
    """A custom autograd.Function whose gradient is not that of its own forward pass."""
    checked = [(place, record.fact("gradient_check", place) or {}) for place in record.places("gradient_check")]
    wrong = [(place, fact) for place, fact in checked if fact.get("error", 0.0) > WRONG]
    if not wrong:
        return None
    place, fact = max(wrong, key=lambda pair: pair[1]["error"])
    site = record.site("custom_function", place)
    return Symptom(
        id="incorrect_gradients",
        kind="wiring",
        certain=True,
        sentence=f"the backward of {place} is wrong: its gradient for input {fact['input']} differs from finite "
        "differences by "
        f"{fact['error']:.2g} of itself (bound {WRONG:g})",
        quantity="relative error of the gradient",
        value=fact["error"],
        bound=WRONG,
        source=SOURCE,
        where=site if isinstance(site, Site) else None,
        module=place,
        explains=ECHOES | {"inputs_not_normalised"},
    )
