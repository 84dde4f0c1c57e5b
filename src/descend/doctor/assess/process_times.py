"""How long each process of a group takes, and the predicted speed-up of schemes that wait less."""

from collections.abc import Sequence
from itertools import cycle
from math import isfinite
from statistics import fmean, harmonic_mean, median

from descend.core.bound import Bound, Count
from descend.core.turns import in_step
from descend.doctor.record import Record

LOCAL_STEPS = Count(
    10,
    "local steps between two averagings of the weights",
    "chosen: occasional slow steps have little effect on the mean time of ten steps",
)
WORTH = Bound(
    1.25,
    "factor by which the number of examples per second grows",
    "chosen: with this factor, the time per example is a fifth shorter; a smaller gain is not worth an edit",
)
TICK = Bound(1e-6, "seconds", "chosen: a clock may measure a shorter time as zero")
BY_SPEED, LOCAL = "batches in proportion to each process's speed", f"{LOCAL_STEPS} local steps between two averagings"
BACKUP, ASYNCHRONOUS = "no waiting for the slowest process of each step", "asynchronous"


def predicted_speedups(record: Record, step: float) -> dict[str, float]:
    """Return the predicted speed-up of each remedy over synchronous training.

    step: the seconds of a step. Its time beyond the slowest rank's own time is needed by every scheme. The time of a
    rank is proportional to its share of the examples.
    """
    rows = {rank: [max(seconds, TICK) for seconds in values] for rank, values in work_seconds(record).items()}
    ranks, steps = len(rows), LOCAL_STEPS * max(map(len, rows.values()))

    usual = [fmean(values) for values in rows.values()]
    shares = [harmonic_mean(usual) / seconds for seconds in usual]

    def synchronous_seconds(backups: int = 0, local: int = 1, shares: Sequence[float] = [1.0] * ranks) -> float:
        """Return the predicted seconds per step if the processes wait for each other after `local` steps.

        The `backups` slowest processes of a step are not waited for. `shares` scales the time of each process.
        """
        drawn = [cycle(values) for values in rows.values()]
        spent = in_step(lambda rank: shares[rank] * next(drawn[rank]), ranks, steps, backups=backups, local=local)
        return spent / steps

    longest = synchronous_seconds()
    rest = max(0.0, step - longest)
    now = longest + rest
    return {
        BY_SPEED: now / (synchronous_seconds(shares=shares) + rest),
        BACKUP: now / (synchronous_seconds(backups=1) + rest) * (ranks - 1) / ranks,
        LOCAL: now / (synchronous_seconds(local=LOCAL_STEPS) + rest),
        ASYNCHRONOUS: fmean(now / seconds for seconds in unsynchronised_seconds(record, step).values()),
    }


def unsynchronised_seconds(record: Record, step: float) -> dict[str, float]:
    """Return each rank's predicted seconds per step if no rank waited for the others.

    step: the seconds of a step at present.
    """
    usual = {rank: max(fmean(values), TICK) for rank, values in work_seconds(record).items()}
    rest = max(0.0, step - fmean(map(max, zip(*work_seconds(record).values()))))
    return {rank: seconds + rest for rank, seconds in usual.items()}


def median_work_seconds(record: Record) -> dict[str, float]:
    """Return the median seconds that each rank works in a step before the backward pass, where it would wait."""
    return {rank: median(values) for rank, values in work_seconds(record).items()}


def work_seconds(record: Record) -> dict[str, list[float]]:
    """Return the seconds that each rank worked before the backward pass, one value per measurement."""
    rows = {rank: record.series("own_seconds", rank).values for rank in record.places("own_seconds")}
    known = {rank: [seconds for seconds in values if isfinite(seconds)] for rank, values in rows.items()}
    return {rank: values for rank, values in known.items() if values}
