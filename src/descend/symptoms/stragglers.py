"""Stragglers: one process of a group is slower than the others, and all wait for it in every step."""

from itertools import cycle
from statistics import fmean, median

from descend.record import Record
from descend.symptoms.symptom import Symptom
from descend.turns import in_step

SOURCE = "Dean et al. 2012, §3: many machines wait for the single slowest one; Chen et al. 2016: backup workers"
ADVICE = (
    "Look for uneven shares of the data, slower storage, another program on its machine, a weaker device. What each "
    "scheme would gain is foretold from the measured times; descend.parallel.Layout has the asynchronous ones."
)
SLOWER = 1.5  # times as long as the others take before their backward pass,
WAITED = 0.2  # where that is at least this share of a step,
LOCAL_STEPS = 10  # between two meetings
TICK = 1e-6  # seconds, which a clock may show as none
LEAST = 5  # and there are so many readings of each: the first steps are slow anywhere


def stragglers(record: Record) -> Symptom | None:
    """A rank takes far longer before its backward pass than the others do."""
    own = own_seconds(record)
    if len(own) < 2 or min(len(record.series("own_seconds", rank)) for rank in own) < LEAST:
        return None
    slowest = max(own, key=lambda rank: own[rank])
    usual = median(seconds for rank, seconds in own.items() if rank != slowest)
    step = median(record.series("step_seconds", slowest).values or [float("nan")])
    if not (own[slowest] > SLOWER * usual and own[slowest] - usual > WAITED * step):
        return None
    return Symptom(
        id="stragglers",
        kind="dynamics",
        certain=True,
        confidence=0.95,
        sentence=f"rank {slowest} takes {own[slowest]:.2g} s before its backward pass, the others {usual:.2g} s: in "
        f"each step of {step:.2g} s they wait for it. Foretold from these times, in examples a second over now's: "
        + ", ".join(f"{name} {gain:.2g}" for name, gain in foretold(record, step).items()),
        quantity="own_seconds / that of the others",
        value=own[slowest] / usual if usual > 0 else float("inf"),
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
    rows = {
        rank: [max(seconds, TICK) for seconds in record.series("own_seconds", rank).values]
        for rank in own_seconds(record)
    }
    ranks, steps = len(rows), LOCAL_STEPS * max(map(len, rows.values()))

    def together(backups: int = 0, local: int = 1) -> float:
        drawn = [cycle(values) for values in rows.values()]
        return in_step(lambda rank: next(drawn[rank]), ranks, steps, backups=backups, local=local) / steps

    longest = together()
    rest = max(0.0, step - longest)
    usual = [fmean(values) for values in rows.values()]
    now = longest + rest
    return {
        "shares that go with their speed": now / (ranks / sum(1 / seconds for seconds in usual) + rest),
        "the slowest of each step dropped": now / (together(backups=1) + rest) * (ranks - 1) / ranks,
        f"{LOCAL_STEPS} local steps between two meetings": now / (together(local=LOCAL_STEPS) + rest),
        "asynchronous": fmean(now / (seconds + rest) for seconds in usual),
    }


def own_seconds(record: Record) -> dict[str, float]:
    """Return how long each rank usually takes before its backward pass, where none waits for another."""
    times = {rank: record.series("own_seconds", rank).values for rank in record.places("own_seconds")}
    return {rank: median(values) for rank, values in times.items() if values}
