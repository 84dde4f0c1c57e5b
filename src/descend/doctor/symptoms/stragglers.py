"""Stragglers: one process of a group is slower, and all others wait for it in every step."""

from collections.abc import Sequence
from itertools import cycle
from math import isfinite
from statistics import fmean, harmonic_mean, median

from descend.doctor.record import Record
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound, Count
from descend.ground.turns import in_step

SOURCE = "Dean et al. 2012, §3: many machines wait for the single slowest one; Chen et al. 2016: backup workers"
SLOWER = Bound(
    1.5,
    "times as long as the others take before their backward pass",
    "chosen: a process that takes half as long again",
)
WAITED = Bound(0.2, "of a step", "chosen: to wait for less is not worth a change")
LOCAL_STEPS = Count(10, "steps between two meetings", "chosen: so many even out what is slow now and then")
BY_SPEED, LOCAL = "shares that go with their speed", f"{LOCAL_STEPS} local steps between two meetings"
BACKUP, ASYNCHRONOUS = "the slowest of each step dropped", "asynchronous"
WORTH = Bound(1.25, "times the examples a second", "a fifth of the time, as any remedy takes off its cost")
TICK = Bound(1e-6, "seconds", "chosen: what is less a clock may show as none")
LEAST = Count(5, "readings of each rank", "chosen: the first steps are slow anywhere")


def stragglers(record: Record) -> Sign | None:
    """A rank takes far longer before its backward pass than the others do: always the same one, or now and then one.

    That the times of the same one add up is a fact; whether all gain by not waiting for each slow moment, a trial has
    to tell, where enough is foretold.
    """
    times, own = own_times(record), own_seconds(record)
    if len(own) < 2 or min(map(len, times.values())) < LEAST:
        return None
    rank = max(own, key=lambda rank: own[rank])
    step = median(record.series("step_seconds", rank).values or [float("nan")])
    slow, usual = own[rank], median(seconds for other, seconds in own.items() if other != rank)
    always = slow > SLOWER * usual and slow - usual > WAITED * step
    said = f"rank {rank} takes {slow:.2g} s before its backward pass, the others {usual:.2g} s: in each step of"
    if not always:
        rows = list(times.values())
        step = fmean(value for rank in own for value in record.series("step_seconds", rank).values or [float("nan")])
        slow, usual = fmean(map(max, zip(*rows))), fmean(map(fmean, rows))
        said = f"the slowest rank takes {slow:.2g} s before its backward pass, now this one and now that, an average "
        said += f"one {usual:.2g} s: in a mean step of"
    if not (slow > SLOWER * usual and slow - usual > WAITED * step):
        return None
    gains = foretold(record, step)
    if not (always or gains[LOCAL] >= WORTH):
        return None
    return Sign(
        certain=always,
        sentence=f"{said} {step:.2g} s they wait for it. Foretold from these times, in examples a second over now's: "
        + ", ".join(f"{name} {gain:.2g}" for name, gain in gains.items()),
        quantity="own_seconds / that of the others",
        value=slow / usual if usual > 0 else float("inf"),
        bound=SLOWER,
        source=SOURCE,
        where=record.site("backward"),
        evidence=tuple(("own_seconds", rank) for rank in own),
    )


def foretold(record: Record, step: float) -> dict[str, float]:
    """Return the speed of each remedy over that of a group in which all wait for all.

    What a step of so many seconds takes after the longest of the measured times, every other scheme needs as well; a
    rank's time goes with its share of the examples.
    """
    rows = {rank: [max(seconds, TICK) for seconds in values] for rank, values in own_times(record).items()}
    ranks, steps = len(rows), LOCAL_STEPS * max(map(len, rows.values()))

    usual = [fmean(values) for values in rows.values()]
    shares = [harmonic_mean(usual) / seconds for seconds in usual]

    def together(backups: int = 0, local: int = 1, shares: Sequence[float] = [1.0] * ranks) -> float:
        drawn = [cycle(values) for values in rows.values()]
        spent = in_step(lambda rank: shares[rank] * next(drawn[rank]), ranks, steps, backups=backups, local=local)
        return spent / steps

    longest = together()
    rest = max(0.0, step - longest)
    now = longest + rest
    return {
        BY_SPEED: now / (together(shares=shares) + rest),
        BACKUP: now / (together(backups=1) + rest) * (ranks - 1) / ranks,
        LOCAL: now / (together(local=LOCAL_STEPS) + rest),
        ASYNCHRONOUS: fmean(now / seconds for seconds in alone(record, step).values()),
    }


def alone(record: Record, step: float) -> dict[str, float]:
    """Return how long a step of each rank would take if it waited for none, where one of all takes so many seconds."""
    usual = {rank: max(fmean(values), TICK) for rank, values in own_times(record).items()}
    rest = max(0.0, step - fmean(map(max, zip(*own_times(record).values()))))
    return {rank: seconds + rest for rank, seconds in usual.items()}


def own_seconds(record: Record) -> dict[str, float]:
    """Return how long each rank usually takes before its backward pass, where none waits for another."""
    return {rank: median(values) for rank, values in own_times(record).items()}


def own_times(record: Record) -> dict[str, list[float]]:
    """Return what each rank has taken before its backward passes, as far as it is known."""
    rows = {rank: record.series("own_seconds", rank).values for rank in record.places("own_seconds")}
    known = {rank: [seconds for seconds in values if isfinite(seconds)] for rank, values in rows.items()}
    return {rank: values for rank, values in known.items() if values}
