"""Did a trial have its effect? What its edits set is read from its run and compared with the baseline's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from descend.doctor.course.acting_rate import absolute_schedule
from descend.doctor.record import Record, Site
from descend.doctor.remedies import QUANTITIES, Change, Prescription, Quantity

NO_EFFECT = "no effect: "
THE_SAME = f"{NO_EFFECT}the run is the same, bit for bit"
ENDED = ("failed", "killed", "interrupted")  # such an ending is a reason already


def missing_effect(prescription: Prescription, record: Record, baseline: Record) -> str:
    """Return why a trial says nothing of its edits: what one of them sets is unchanged. "" where all have changed.

    What a fact's remedy changes need not show in the weights: the fact is gone with it, or it is not.
    """
    if record.ending is not None and record.ending.reason in ENDED:
        return ""
    for change, quantity in unchanged(prescription, record, baseline):
        site = overwritten_at(record, quantity, change) or overwritten_at(baseline, quantity, change)
        if site is None:
            return f"{NO_EFFECT}another value of {quantity.name(change.dose)} changes nothing in the run"
        main = baseline.script.split()[:1]
        where = f" of {Path(site.file).name}" if main and Path(site.file).name != Path(main[0]).name else ""
        return f"{NO_EFFECT}line {site.line}{where} overrides it"
    read = [quantity.read(record, change.dose, record.steps) for change, quantity in _quantities(prescription)]
    can_be_read = prescription.of_fact or any(value is not None for value in read)
    return THE_SAME if not can_be_read and is_same_run(record, baseline) else ""


def unchanged(prescription: Prescription, record: Record, baseline: Record) -> Iterator[tuple[Change, Quantity]]:
    """Yield each change of a trial whose quantity is known to be what it is in the baseline."""
    steps = min(_seen_steps(record), _seen_steps(baseline))
    for change, quantity in _quantities(prescription):
        now = quantity.read(record, change.dose, steps)
        if now is not None and now == quantity.read(baseline, change.dose, steps):
            yield change, quantity


def _quantities(prescription: Prescription) -> list[tuple[Change, Quantity]]:
    return [(change, quantity) for change in prescription.changes for quantity in QUANTITIES.get(change.remedy, ())]


def _seen_steps(record: Record) -> int:
    """Return for how many steps the losses, and what is sent with them, have come in: a run may be ended early."""
    if record.ending is not None:
        return record.steps
    return max(
        (series.steps[-1] + 1 for key in record.places("loss") if len(series := record.series("loss", key))), default=0
    )


def overwritten_at(record: Record, quantity: Quantity, change: Change) -> Site | None:
    """Return the line at which what a change sets is overwritten in a run, as far as it was seen."""
    site = record.site("overwritten", quantity.place(change.dose))
    return site or (absolute_schedule(record) if quantity.name(change.dose) == "lr" else None)


def is_same_run(record: Record, baseline: Record) -> bool:
    """Whether two runs under one seed end with the same weights, and everything read in both is equal.

    No weights are known of a run that made no step: what was read decides.
    """
    if record.ending is None or baseline.ending is None or record.seed != baseline.seed:
        return False
    mine, its = record.ending.weights, baseline.ending.weights
    if mine != its or record.steps != baseline.steps or not (mine or record.steps == 0):
        return False
    shared = record.readings.keys() & baseline.readings.keys()
    return all(_are_equal(record.readings[key], baseline.readings[key]) for key in shared)


def _are_equal(one: tuple[list[int], list[float]], other: tuple[list[int], list[float]]) -> bool:
    """Whether two series agree at each step that both have. NaN equals NaN here."""
    mine, its = _by_step(one), _by_step(other)
    return all(mine[step] == its[step] for step in mine.keys() & its.keys())


def _by_step(series: tuple[list[int], list[float]]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for step, value in zip(*series):
        found.setdefault(step, []).append(repr(value))
    return found
