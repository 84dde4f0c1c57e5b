"""Stragglers: one process of a group is slower than the others, and all wait for it in every step."""

from statistics import median

from descend.record import Record
from descend.symptoms.symptom import Symptom

SOURCE = "Dean et al. 2012, §3: many machines wait for the single slowest one; Chen et al. 2016: backup workers"
ADVICE = "Look for uneven shares of the data, slower storage, another program on its machine, a weaker device."
SLOWER = 1.5  # times as long as the others take before their backward pass,
WAITED = 0.2  # where that is at least this share of a step,
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
        f"each step of {step:.2g} s they wait for it",
        quantity="own_seconds / that of the others",
        value=own[slowest] / usual if usual > 0 else float("inf"),
        bound=SLOWER,
        source=SOURCE,
        where=record.site("backward"),
        evidence=tuple(("own_seconds", rank) for rank in own),
    )


def own_seconds(record: Record) -> dict[str, float]:
    """Return how long each rank usually takes before its backward pass, where none waits for another."""
    times = {rank: record.series("own_seconds", rank).values for rank in record.places("own_seconds")}
    return {rank: median(values) for rank, values in times.items() if values}
