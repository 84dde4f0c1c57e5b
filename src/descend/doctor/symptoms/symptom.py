"""A problem that a run shows, and of several those that none of the others explains."""

from dataclasses import dataclass, field

from descend.doctor.symptoms.sign import Sign


@dataclass(frozen=True, kw_only=True)
class Symptom(Sign):
    """One thing that is wrong with a run, and the sign of it."""

    id: str  # inputs_not_normalised, instability, ...
    kind: str  # wiring, statics or dynamics
    explains: frozenset[str] = field(default=frozenset())  # ids that are its consequences in this run


def causes(symptoms: list[Symptom]) -> list[Symptom]:
    """Return the symptoms that no earlier one explains, be it through others."""
    explained: set[str] = set()
    kept = []
    for symptom in symptoms:
        if symptom.id not in explained:
            kept.append(symptom)
        explained |= symptom.explains
    return kept
