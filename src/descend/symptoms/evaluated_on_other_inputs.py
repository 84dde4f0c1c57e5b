"""Evaluated on other inputs: what the network is given in evaluation lies elsewhere than what it is trained on."""

from descend.course.suffering import lacks_elsewhere, suffers
from descend.record import Record
from descend.symptoms.symptom import Symptom

SOURCE = "Shimodaira 2000, §1: what is fitted to one distribution of inputs is not fitted to another"
APART = 1.0  # standard deviations: as far from what is trained on as that lies from its own mean
BEYOND = 3.0  # and beyond this many there is hardly any of what is trained on
BLANK = 1e5  # and beyond this many one side does not vary at all


def evaluated_on_other_inputs(record: Record) -> Symptom | None:
    """Inputs in evaluation further from those in training than these vary, in a script whose evaluation is poor."""
    known = [(place, record.fact("evaluated_inputs", place) or {}) for place in record.places("evaluated_inputs")]
    place, fact = max(known, key=lambda pair: pair[1]["distance"], default=("", {"distance": 0.0}))
    if not fact["distance"] > APART or not (suffers(record) or lacks_elsewhere(record)):
        return None
    return Symptom(
        id="evaluated_on_other_inputs",
        kind="wiring",
        certain=fact["distance"] > BEYOND,
        sentence=f"where it is evaluated, the network is given other numbers than where it is trained: mean "
        f"{fact['mean']:.3g} and standard deviation {fact['std']:.3g} against {fact['trained_mean']:.3g} and "
        f"{fact['trained_std']:.3g}; the feature in the middle {_off(fact['distance'])}",
        quantity="Fréchet distance / standard deviation",
        value=fact["distance"],
        bound=APART,
        source=SOURCE,
        where=record.site("evaluation", place),
        explains=frozenset({"overfitting"}),
    )


def _off(distance: float) -> str:
    if distance > BLANK:
        return "does not vary on one side"
    return f"lies {distance:.3g} standard deviations off (bound {APART:g})"
