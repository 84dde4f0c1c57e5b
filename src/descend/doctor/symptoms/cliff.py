"""Cliff: after a quiet stretch one step throws the parameters far away, and the loss jumps."""

from math import isfinite
from statistics import median

from descend.doctor.course.progress import HARDLY_LEARNT, cost_left
from descend.doctor.record import Record
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound, Count

SOURCE = "Pascanu et al. 2013, §2.3: the error surface of a recurrent network has walls; clipping bounds the step there"
JUMP = Bound(5.0, "times the usual loss of the steps before", "chosen: a jump, and no scatter of the batches")
COME_DOWN = Bound(0.9, "of the first loss", "chosen: by a tenth it has come down")
QUIET = Count(20, "steps", "chosen: so many tell what is usual")


def cliff(record: Record) -> Sign | None:
    """A loss that jumps to five times what it had come down to, in a run that does not recover well."""
    losses = record.series("loss", "0")
    worst, at = 1.0, -1
    for i in range(QUIET, len(losses)):
        before = median(losses.values[i - QUIET : i])
        value = losses.values[i]
        if before > 0 and before < COME_DOWN * losses.first and (not isfinite(value) or value / before > worst):
            worst, at = (value / before if isfinite(value) else float("inf")), losses.steps[i]
        if worst == float("inf"):
            break
    if worst < JUMP or not (cost_left(record) > HARDLY_LEARNT or worst == float("inf")):
        return None
    return Sign(
        certain=False,
        sentence=f"at step {at} the loss jumps to {worst:.3g} times its usual value after it had come down (bound "
        f"{JUMP:g}): a single long step over a steep place undoes the progress",
        quantity="loss / its usual value",
        value=worst,
        bound=JUMP,
        source=SOURCE,
        where=record.site("step", "0"),
        evidence=(("loss", "0"), ("gradient_norm", "")),
    )
