"""Incorrect gradients: a hand-written backward pass disagrees with finite differences of its forward pass."""

from descend.doctor.record import Record, Site, facts
from descend.doctor.symptoms.sign import Ruin, Sign
from descend.ground.bound import Bound

SOURCE = "Ba, CSC413 lecture 4, Recap: finite differences show incorrect gradients"
WRONG = Bound(1e-3, "relative error of the gradient", "a right one is below 1e-6 in float64, a wrong one above 0.01")


def incorrect_gradients(record: Record) -> Sign | None:
    """A custom autograd.Function whose gradient is not that of its own forward pass."""
    checked = record.every(facts.GradientCheck)
    wrong = {place: found for place, found in checked.items() if found.error > WRONG}
    if not wrong:
        return None
    place, worst = max(wrong.items(), key=lambda pair: pair[1].error)
    site = record.site("custom_function", place)
    return Ruin(
        certain=True,
        sentence=f"the backward of {place} is wrong: its gradient for input {worst.input} differs from finite "
        f"differences by {worst.error:.2g} of itself (bound {WRONG:g})",
        quantity="relative error of the gradient",
        value=worst.error,
        bound=WRONG,
        source=SOURCE,
        where=site if isinstance(site, Site) else None,
        module=place,
    )
