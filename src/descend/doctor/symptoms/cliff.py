"""Cliff: after a quiet stretch one step throws the parameters far away, and the loss jumps and stays up."""

from collections.abc import Iterator, Sequence
from math import inf, isfinite
from operator import itemgetter
from statistics import median

from descend.doctor.course.progress import HARDLY_LEARNT, cost_left
from descend.doctor.record import Record, Series
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
SPIKE = Bound(
    20.0,
    "times the usual norm of the gradient of the steps before",
    "chosen: recurrent networks that went on to learn had norms up to 12 times the usual one",
)


def cliff(record: Record) -> Sign | None:
    """A loss that jumps after it had come down and stays up, in a run that does not recover well.

    It jumps to five times what was usual, or by less after a spike of the gradient: where outputs saturate no loss is
    much larger. A single high loss is one of a hard batch: batches of one example differ by far more than five times.
    """
    losses = record.series("loss", "0")
    jump, at = max(_jumps(losses), key=itemgetter(0), default=(1.0, 0))
    if not (cost_left(record) > HARDLY_LEARNT or jump == inf):
        return None
    if jump >= JUMP:
        times = f"jumps to {jump:.3g} times its usual value (bound {JUMP:g})"
        grown = times if jump < inf else "becomes infinite or NaN"
        return _sign(
            record,
            f"at step {at}, after it had come down, the loss {grown}",
            ("loss / its usual value", jump, JUMP),
        )
    spike, at = max(_spikes(record, losses), key=itemgetter(0), default=(1.0, 0))
    if not spike > SPIKE:
        return None
    return _sign(
        record,
        f"at step {at} the norm of the gradient is {spike:.3g} times its usual value (bound {SPIKE:g}), and after "
        "that step the loss stays higher than before it",
        ("norm of the gradient / its usual value", spike, SPIKE),
    )


def _sign(record: Record, seen: str, measured: tuple[str, float, Bound]) -> Sign:
    quantity, value, bound = measured
    return Sign(
        certain=False,
        sentence=f"{seen}: a single long step over a steep place undoes the progress",
        quantity=quantity,
        value=value,
        bound=bound,
        source=SOURCE,
        where=record.site("step", "0"),
        evidence=(("loss", "0"), ("step_gradient_norm", "0")),
    )


def _jumps(losses: Series) -> Iterator[tuple[float, int]]:
    """Yield each loss that stays up over its usual value, and its step, until one is not finite."""
    for i in range(QUIET, len(losses)):
        usual, value = median(losses.values[i - QUIET : i]), losses.values[i]
        if not _has_come_down(losses, usual):
            continue
        if not isfinite(value):
            yield inf, losses.steps[i]
            return
        if value > usual and _lasts(losses.values, i, i):
            yield value / usual, losses.steps[i]


def _spikes(record: Record, losses: Series) -> Iterator[tuple[float, int]]:
    """Yield the norm of the gradient over its usual value, and the step, where the loss is up afterwards."""
    norms = record.series("clipped_norm") or record.series("step_gradient_norm", "0")
    places = {step: i for i, step in enumerate(losses.steps)}
    for n in range(QUIET, len(norms)):
        usual, i = median(norms.values[n - QUIET : n]), places.get(norms.steps[n], 0)
        if i < QUIET or not 0 < usual * SPIKE < norms.values[n] < inf:
            continue
        if _has_come_down(losses, median(losses.values[i - QUIET : i])) and _lasts(losses.values, i, i + 1):
            yield norms.values[n] / usual, norms.steps[n]


def _has_come_down(losses: Series, usual: float) -> bool:
    return 0 < usual < COME_DOWN * losses.first


def _lasts(losses: Sequence[float], quiet: int, start: int) -> bool:
    """Whether the losses from `start` on are higher by their median than all of the stretch that ends at `quiet`."""
    after = losses[start : start + LASTS]
    return len(after) == LASTS and median(after) > max(losses[quiet - QUIET : quiet])
