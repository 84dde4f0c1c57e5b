"""One problem a file: each a pure function of the record."""

from collections.abc import Callable, Collection
from dataclasses import replace

from descend.record import Record
from descend.symptoms.dead_units import dead_units
from descend.symptoms.inputs_not_normalised import inputs_not_normalised
from descend.symptoms.instability import instability
from descend.symptoms.no_zero_grad import no_zero_grad
from descend.symptoms.output_loss_mismatch import output_loss_mismatch
from descend.symptoms.symmetric_units import symmetric_units
from descend.symptoms.symptom import Symptom

# Causes before consequences: wiring, then statics, then dynamics.
SYMPTOMS: dict[str, Callable[[Record], Symptom | None]] = {
    "no_zero_grad": no_zero_grad,
    "output_loss_mismatch": output_loss_mismatch,
    "symmetric_units": symmetric_units,
    "inputs_not_normalised": inputs_not_normalised,
    "instability": instability,
    "dead_units": dead_units,
}


def chosen(select: Collection[str], ignore: Collection[str]) -> list[str]:
    """Return the ids to look for: those selected (all, where none is) without those ignored."""
    return [name for name in SYMPTOMS if name not in ignore and (not select or name in select)]


def diagnose(record: Record, *, select: Collection[str] = (), ignore: Collection[str] = ()) -> list[Symptom]:
    """Return what is wrong, causes first; each with those of its possible consequences that were seen."""
    found = [symptom for name in chosen(select, ignore) if (symptom := SYMPTOMS[name](record)) is not None]
    seen = {symptom.id for symptom in found}
    return [replace(symptom, explains=symptom.explains & seen) for symptom in found]


def causes(symptoms: list[Symptom]) -> list[Symptom]:
    """Return the symptoms that no earlier one explains."""
    explained: set[str] = set()
    kept = []
    for symptom in symptoms:
        if symptom.id not in explained:
            kept.append(symptom)
            explained |= symptom.explains
    return kept


__all__ = ["SYMPTOMS", "Symptom", "causes", "chosen", "diagnose"]
