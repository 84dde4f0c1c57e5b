"""Turn a remedy of the catalog into a change of the script, for `descend prove --remedy`."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from math import nan

from descend.core.errors import UsageError
from descend.doctor.assess.symptom import Symptom
from descend.doctor.catalog import CATALOG
from descend.doctor.catalog.diagnosis import diagnose
from descend.doctor.catalog.prescribe import prescribe
from descend.doctor.prove.result import ChangedScript
from descend.doctor.record import Record
from descend.doctor.remedies import REMEDIES, NotApplicable, Prescription
from descend.doctor.script.script import Script


def check_remedies(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of remedies. Raise `UsageError` if there is no remedy with one of these names."""
    for name in names:
        if name not in REMEDIES:
            close = get_close_matches(name, REMEDIES, 1)
            hint = f"; did you mean {close[0]}?" if close else ": descend explain lists the remedies of each problem"
            raise UsageError(f"there is no remedy {name!r}{hint}")
    return tuple(names)


def remedy_change(script: Script, record: Record, name: str) -> ChangedScript:
    """Return the script with a remedy, whose arguments are chosen from the measurements of the observed run.

    Remedies of problems that the run has come first. Raises `UsageError` if the remedy cannot be applied.
    """
    reasons: list[str] = []
    for prescription in _prescriptions(record, name):
        try:
            return ChangedScript(prescription.label, prescription.apply(script))
        except NotApplicable as error:
            reasons.append(str(error))
    why = f": {reasons[0]}" if reasons else ", because it does not apply to this run"
    raise UsageError(f"the remedy {name!r} cannot be applied to {record.script}{why}")


def _prescriptions(record: Record, name: str) -> Iterator[Prescription]:
    """Yield the prescriptions that consist of one remedy alone: first for problems of the run, then for all others."""
    symptoms = diagnose(record)
    found = {symptom.id for symptom in symptoms}
    others = [
        Symptom(False, "", "", nan, nan, "", id=problem, kind=entry.kind)
        for problem, entry in CATALOG.items()
        if problem not in found and any(remedy.remedies == (name,) for remedy in entry.remedies)
    ]
    for symptom in [*symptoms, *others]:
        yield from (p for p in prescribe(record, [symptom], symptoms) if p.remedies == (name,))
