"""Lagging statistics: evaluation normalises by other statistics than training does."""

from descend.doctor.course.progress import LEFT_TO_LEARN, cost_left, ended_smoothly, yardstick_place
from descend.doctor.course.suffering import may_suffer
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Ruin, Sign
from descend.ground.bound import Bound

SOURCE = "Ioffe & Szegedy 2015, alg. 2; torch.nn.BatchNorm1d: momentum is the new batch's share, 0.1 by default"
USUAL = Bound(0.1, "share of a new batch", "the default of torch.nn.BatchNorm1d")
REMAINING = Bound(0.2, "of what the statistics were at first", "chosen: so much of the start has not gone")
FORGETFUL = Bound(0.5, "share of a new batch", "chosen: above it the statistics are those of the last one or two")
WORSE = Bound(
    1.5, "times the cost by the batches' own statistics", "chosen; see the range within which no diagnosis changes"
)


def lagging_statistics(record: Record) -> Sign | None:
    """A run at its end costs much more by the running statistics, whose momentum is far from the usual one."""
    if (loop := record.fact(facts.UnaveragedBuffers, "0")) is not None and may_suffer(record):
        return _of_the_copy(record, loop.line)
    place = yardstick_place(record)
    evaluated, trained = (record.series(name, place).finite() for name in ("yardstick", "yardstick_in_training"))
    found = unusual(record)
    if found is None or not ended_smoothly(record) or not cost_left(record) > LEFT_TO_LEARN:
        return None
    if not evaluated.last >= WORSE * trained.last:
        return None
    lags = found.momentum < USUAL
    why = (
        f"are {found.remaining:.0%} what they were at first, after {found.updates} batches with momentum "
        f"{found.momentum:g}"
        if lags
        else f"are those of the last batch and little else, with momentum {found.momentum:g}"
    )
    return Ruin(
        certain=False,
        likely=True,
        sentence=f"in evaluation mode the cost of the same examples is {evaluated.last:.3g} where it is "
        f"{trained.last:.3g} in training mode: the running statistics of {found.layer}, which it takes, {why}",
        quantity="what remains of the first statistics" if lags else "share of the last batch",
        value=found.remaining if lags else found.momentum,
        bound=REMAINING if lags else FORGETFUL,
        source=SOURCE,
        where=record.site("running_statistics"),
        module=found.layer,
        evidence=(("yardstick", place), ("yardstick_in_training", place)),
    )


def _of_the_copy(record: Record, line: int) -> Sign:
    """A second network follows the trained one by its parameters, and normalises as it did at first."""
    return Ruin(
        certain=False,
        likely=True,
        sentence=f"the loop in line {line} hands parameters on to a copy of the network, and no buffers: its running "
        "means and variances are those that it was made with, and evaluation mode normalises by them",
        quantity="buffers that are handed on",
        value=0.0,
        bound=1.0,
        source=SOURCE,
        where=record.site("unaveraged_buffers", "0"),
    )


def unusual(record: Record) -> facts.RunningStatistics | None:
    """Return what is known of a momentum that keeps the statistics from following; None where all let them."""
    for found in record.every(facts.RunningStatistics).values():
        if found.momentum > FORGETFUL or found.momentum < USUAL and found.remaining > REMAINING:
            return found
    return None
