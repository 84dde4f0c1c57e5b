"""Overfitting: the loss on held-out data rises while the training loss falls."""

from descend.doctor.record import Record
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound, Count

SOURCE = "Prechelt 1998, §2: generalisation loss over the best validation error so far"
RISEN = Bound(1.3, "times the least held-out loss", "chosen; see the range within which no diagnosis changes")
SINCE = Bound(
    0.6, "of the evaluations", "chosen: a least one later than that leaves too few to tell a rise from chance"
)
LAST = Count(3, "evaluations", "chosen: one alone may be luck, and the mean of more is of another time")
EVALUATIONS = Count(5, "evaluations", "chosen: of fewer the least may be luck")


def overfitting(record: Record) -> Sign | None:
    """The script's own evaluation loss stands far above its least value, long after it."""
    curve = record.held_out()
    if len(curve) < EVALUATIONS or not curve.min > 0:
        return None
    at = curve.values.index(curve.min)
    if curve.steps[at] in record.series("weights_kept").steps:
        return None  # the script keeps its best weights
    last = sum(curve.values[-LAST:]) / LAST
    training = record.series("loss", "0").finite()
    fell = training.last < training.at(curve.steps[at])
    if at > SINCE * len(curve) or last < RISEN * curve.min or not fell:
        return None
    return Sign(
        certain=False,
        likely=True,
        sentence=f"the loss on held-out data rises from {curve.min:.3g} at step {curve.steps[at]} to {last:.3g}, while "
        "that on the training data falls: the network memorises",
        quantity="held-out loss / its least",
        value=last / curve.min,
        bound=RISEN,
        source=SOURCE,
        where=record.site("model"),
        evidence=(("evaluation_loss", record.held_out_place()), ("loss", "0")),
    )
