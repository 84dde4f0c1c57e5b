"""Cliff: after a quiet stretch one step throws the parameters far away, and the loss jumps."""

from collections.abc import Sequence
from math import inf, isfinite
from statistics import median

from descend.doctor.course.progress import HARDLY_LEARNT, cost_left
from descend.doctor.record import Record
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound, Count

SOURCE = "Pascanu et al. 2013, §2.3: the error surface of a recurrent network has walls; clipping bounds the step there"
JUMP = Bound(5.0, "times the usual loss of the steps before", "chosen: less may be a step that is a little too long")
LASTS = Count(
    5,
    "losses from the jump on, the median of which exceeds all of the steps before",
    "by chance 3 of 5 losses exceed 20 others, all from one law, once in 230 times; one loss alone does so often",
)
COME_DOWN = Bound(0.9, "of the first loss", "chosen: by a tenth it has come down")
QUIET = Count(20, "steps", "chosen: so many tell what is usual")


def cliff(record: Record) -> Sign | None:
    """A loss that jumps to five times what it had come down to, and stays up, in a run that does not recover well.

    A single high loss is one of a hard batch: batches of one example differ by far more than five times.
    """
    losses = record.series("loss", "0")
    worst, at = 1.0, -1
    for i in range(QUIET, len(losses)):
        before, value = median(losses.values[i - QUIET : i]), losses.values[i]
        if not 0 < before < COME_DOWN * losses.first:
            continue
        if not isfinite(value):
            worst, at = inf, losses.steps[i]
            break
        if value / before > worst and _lasts(losses.values, i):
            worst, at = value / before, losses.steps[i]
    if worst < JUMP or not (cost_left(record) > HARDLY_LEARNT or worst == inf):
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


def _lasts(losses: Sequence[float], start: int) -> bool:
    """Whether the losses from one on are higher than all of the quiet stretch before it, by their median."""
    after = losses[start : start + LASTS]
    return len(after) == LASTS and median(after) > max(losses[start - QUIET : start])
