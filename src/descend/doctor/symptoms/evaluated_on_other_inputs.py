"""Evaluated on other inputs: the evaluation inputs have another distribution than the training inputs."""

from descend.doctor.course.suffering import lacks_elsewhere, suffers
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound

SOURCE = "Shimodaira 2000, §1: what is fitted to one distribution of inputs is not fitted to another"
APART = Bound(
    1.0,
    "standard deviations",
    "as far from what is trained on as that lies from its own mean; healthy evaluations of the clinic, 32 of "
    "them, were off by 0.31 at most",
)
BEYOND = Bound(3.0, "standard deviations", "chosen: so far off there is hardly any of what is trained on")
BLANK = Bound(1e5, "standard deviations", "chosen: one side does not vary at all")


def evaluated_on_other_inputs(record: Record) -> Sign | None:
    """Inputs in evaluation further from those in training than these vary, in a script whose evaluation is poor.

    Where the training inputs drift that far from batch to batch, as unshuffled ones may, the first ones are no sample.
    """
    known = {place: given for place, given in record.every(facts.EvaluatedInputs).items() if given.drift <= APART}
    place = max(known, key=lambda place: known[place].distance, default=None)
    if place is None or not known[place].distance > APART or not (suffers(record) or lacks_elsewhere(record)):
        return None
    given = known[place]
    return Sign(
        certain=given.distance > BEYOND,
        sentence=f"where it is evaluated, the network is given other numbers than where it is trained: mean "
        f"{given.mean:.3g} and standard deviation {given.std:.3g} against {given.trained_mean:.3g} and "
        f"{given.trained_std:.3g}; the feature in the middle {_off(given.distance)}",
        quantity="Fréchet distance / standard deviation",
        value=given.distance,
        bound=APART,
        source=SOURCE,
        where=record.site("evaluation", place),
    )


def _off(distance: float) -> str:
    if distance > BLANK:
        return "does not vary on one side"
    return f"lies {distance:.3g} standard deviations off (bound {APART:g})"
