"""Background texts for the page: what a problem is, why its remedies work, and what its best remedy reached."""

from collections.abc import Iterable
from operator import attrgetter

from descend.doctor.assess.symptom import Symptom
from descend.doctor.case import Case
from descend.doctor.catalog import CATALOG
from descend.doctor.report.formatting import number, one_line, sentence
from descend.doctor.symptoms.problem import RemedyEntry, group_by_reason

LABEL_LENGTH = 60


def problem_text(symptom: str) -> str:
    """Return the catalog's description of a problem, or "" if the catalog no longer has this problem."""
    return " ".join(CATALOG[symptom].nature.split()) if symptom in CATALOG else ""


def remedy_reasons(case: Case, symptom: str) -> list[str]:
    """Return a sentence for each reason why the remedies of a problem that were tried should work."""
    return _reasons(entry for entry, was_tried in _entries(case, symptom) if was_tried)


def untried_remedies(case: Case, symptom: str) -> list[str]:
    """Return the advice on a problem, and a sentence for each reason why its remedies that were not tried may work."""
    if symptom not in CATALOG:
        return []
    advice = CATALOG[symptom].advice
    return [advice] * bool(advice) + _reasons(entry for entry, was_tried in _entries(case, symptom) if not was_tried)


def _entries(case: Case, symptom: str) -> list[tuple[RemedyEntry, bool]]:
    """Return the catalog's remedies for a problem, each with whether it was tried."""
    tried = {remedy for trial in case.trials if symptom in trial.symptoms for remedy in trial.remedies}
    entries = CATALOG[symptom].remedies if symptom in CATALOG else ()
    return [(entry, not tried.isdisjoint(entry.remedies)) for entry in entries]


def _reasons(entries: Iterable[RemedyEntry]) -> list[str]:
    """Return a sentence for each reason why remedies work, with the names of these remedies and the source."""
    return [
        f"{sentence('; '.join(remedies).replace('_', ' ')).rstrip('.')}: {why} ({source})."
        for (why, source), remedies in group_by_reason(entries, attrgetter("name")).items()
    ]


def best_trial_message(case: Case, suspicion: Symptom) -> str:
    """Return the trial with the lowest cost for a suspected problem as text; "" if no trial has a result."""
    own = [trial for trial in case.trials if suspicion.id in trial.symptoms and trial.after == trial.after]
    if not own:
        return ""
    best = min(own, key=lambda trial: trial.after)
    return f"{one_line(best.label, LABEL_LENGTH)}: {number(best.before)} → {number(best.after)}."
