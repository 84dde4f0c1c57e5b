"""Check that an edit had an effect: the settings that it changes are read from both runs and compared."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from descend.doctor.assess.effective_rate import find_overriding_scheduler
from descend.doctor.record import Record, Site, SiteKind
from descend.doctor.remedies import QUANTITIES, Change, Prescription, Quantity
from descend.doctor.script.run_names import EndReason

NO_EFFECT = "no effect: "
SAME_RUN = f"{NO_EFFECT}the run is bit-for-bit identical"
# reasons for the end of a run after which the effect of an edit is not checked, because the reason is reported
ABNORMAL_ENDINGS = (EndReason.FAILED, EndReason.KILLED, EndReason.INTERRUPTED)


def no_effect_message(prescription: Prescription, record: Record, baseline: Record) -> str:
    """Return a sentence if the edit changed nothing in the run, with the line that overrides it; otherwise "".

    The remedy of a fact may leave the weights unchanged, because it can be checked whether the fact is gone.
    """
    if record.ending is not None and record.ending.reason in ABNORMAL_ENDINGS:
        return ""
    for change, quantity in unchanged_settings(prescription, record, baseline):
        site = override_site(record, quantity, change) or override_site(baseline, quantity, change)
        if site is None:
            return f"{NO_EFFECT}a different value of {quantity.name(change.values)} changes nothing in the run"
        main = baseline.script.split()[:1]
        where = f" of {Path(site.file).name}" if main and Path(site.file).name != Path(main[0]).name else ""
        return f"{NO_EFFECT}line {site.line}{where} overrides it"
    read = [quantity.read(record, change.values, record.steps) for change, quantity in _edited_settings(prescription)]
    can_be_read = prescription.of_fact or any(value is not None for value in read)
    return SAME_RUN if not can_be_read and is_same_run(record, baseline) else ""


def unchanged_settings(
    prescription: Prescription, record: Record, baseline: Record
) -> Iterator[tuple[Change, Quantity]]:
    """Yield each change and the setting that it edits, if this setting has the same value in both runs."""
    steps = min(_recorded_steps(record), _recorded_steps(baseline))
    for change, quantity in _edited_settings(prescription):
        now = quantity.read(record, change.values, steps)
        if now is not None and now == quantity.read(baseline, change.values, steps):
            yield change, quantity


def _edited_settings(prescription: Prescription) -> list[tuple[Change, Quantity]]:
    """Return each change of a prescription together with each setting that the change edits."""
    return [(change, quantity) for change in prescription.changes for quantity in QUANTITIES.get(change.remedy, ())]


def _recorded_steps(record: Record) -> int:
    """Return the number of steps of a run or, if it was stopped early, of the steps whose loss was received."""
    if record.ending is not None:
        return record.steps
    return max(
        (series.steps[-1] + 1 for key in record.places("loss") if len(series := record.series("loss", key))), default=0
    )


def override_site(record: Record, quantity: Quantity, change: Change) -> Site | None:
    """Return the line that overwrites an edited setting during the run; None if no such line was recorded."""
    site = record.site(SiteKind.OVERWRITTEN, quantity.place(change.values))
    return site or (find_overriding_scheduler(record) if quantity.name(change.values) == "lr" else None)


def is_same_run(record: Record, baseline: Record) -> bool:
    """Return whether two runs with the same seed have equal final weights and equal measured values.

    A run without an optimizer step has no final weights. Then the measured values alone decide.
    """
    if record.ending is None or baseline.ending is None or record.seed != baseline.seed:
        return False
    weights, expected = record.ending.weights, baseline.ending.weights
    if weights != expected or record.steps != baseline.steps or not (weights or record.steps == 0):
        return False
    shared = record.readings.keys() & baseline.readings.keys()
    return all(_are_equal(record.readings[key], baseline.readings[key]) for key in shared)


def _are_equal(one: tuple[list[int], list[float]], other: tuple[list[int], list[float]]) -> bool:
    """Return whether two series are equal at all common steps. Two NaN values count as equal."""
    values, expected = _texts_by_step(one), _texts_by_step(other)
    return all(values[step] == expected[step] for step in values.keys() & expected.keys())


def _texts_by_step(series: tuple[list[int], list[float]]) -> dict[int, list[Any]]:
    """Return a dictionary from each step to its values as text. Texts are compared, because NaN does not equal NaN."""
    found: dict[int, list[Any]] = {}
    for step, value in zip(*series):
        found.setdefault(step, []).append(repr(value))
    return found
