"""From what is wrong to what may help: the rows of the table that fit, each with its dose."""

from functools import partial

from descend.canon import CANON
from descend.doses import Dose
from descend.record import Record
from descend.remedies import REMEDIES, Key, NotApplicable, Prescription
from descend.script import Script
from descend.symptoms import Symptom


def prescribe(record: Record, symptoms: list[Symptom]) -> list[Prescription]:
    """Return what may help, in the order of the symptoms and of the table; the same change only once."""
    found: dict[Key, Prescription] = {}
    for symptom in symptoms:
        for row in CANON:
            if row.symptom != symptom.id or (dose := row.dose(record, symptom)) is None:
                continue
            label = row.label.format(**dose)
            apply = partial(_apply, row.remedy, record, dose)
            known = Prescription(
                symptom.id,
                row.remedy,
                label,
                apply,
                row.cost,
                row.decides,
                row.times,
                row.judged_on,
                symptom.certain,
                str(dose.get("optimizer", "")),
                row.restart,
            )
            found.setdefault(known.key, known)
    return list(found.values())


def _apply(remedies: str, record: Record, dose: Dose, script: Script) -> Script | NotApplicable:
    for remedy in remedies.split("+"):
        edited = REMEDIES[remedy](script, record, dose)
        if isinstance(edited, NotApplicable):
            return edited
        script = edited
    return script
