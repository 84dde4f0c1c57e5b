"""Infinite gradient: a root or a logarithm of a value that may be zero makes the loss NaN."""

from descend.doctor.course.progress import RISEN, smoothed
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Ruin, Sign

SOURCE = "d√x/dx = 1/(2√x) and d log x/dx = 1/x have no value at 0; 0 · ∞ is NaN (IEEE 754)"


def infinite_gradient(record: Record) -> Sign | None:
    """A loss that had not risen when it was no longer finite, and a call whose derivative is infinite at zero."""
    places, losses = list(record.every(facts.Singular)), record.series("loss", "0")
    before = losses.finite()
    if not places or not len(before) or len(before) == len(losses):
        return None
    if smoothed(before).last > before.first + (RISEN - 1) * abs(before.first):
        return None
    step = losses.steps[len(before)]
    calls = [record.history(facts.Singular, place)[0].fact for place in places]  # later the values may be NaN
    least = min(range(len(places)), key=lambda i: calls[i].least)
    call, where = calls[least], record.site("singular", places[least])
    return Ruin(
        certain=False,
        likely=True,
        sentence=f"the loss had not risen when it was NaN or infinite at step {step}: {call.function} has an "
        "infinite derivative at 0, and one value of 0 there makes every weight NaN (the least in the fixed examples "
        f"is {call.least:.2g})",
        quantity="first step with a loss that is not finite",
        value=float(step),
        bound=float(record.steps),
        source=SOURCE,
        where=where,
    )
