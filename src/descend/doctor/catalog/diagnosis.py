"""The diagnosis: every problem of the catalog is detected from a run's record and summary."""

import re
from collections.abc import Collection
from dataclasses import replace
from difflib import get_close_matches

from descend.core.control_characters import shortened
from descend.core.errors import UsageError
from descend.doctor.assess.summary import summarise
from descend.doctor.assess.symptom import Symptom
from descend.doctor.catalog import CATALOG, GENERAL
from descend.doctor.record import Record


def ids_to_check(select: Collection[str], ignore: Collection[str]) -> list[str]:
    """Return the ids of the problems to check: those in `select` (all if it is empty), except those in `ignore`."""
    return [name for name in CATALOG if name not in ignore and (not select or name in select)]


def check_ids(ids: Collection[str]) -> None:
    """Raise `UsageError` if one of the ids belongs to no problem; the message suggests similar ids."""
    if unknown := [name for name in ids if name not in CATALOG]:
        given = shortened(unknown[0])
        name = re.sub(r"[\s-]+", "_", given.lower())
        similar = [name] if name in CATALOG else get_close_matches(name, CATALOG)
        suggestion = f"; did you mean {' or '.join(similar)}?" if similar else ";"
        raise UsageError(f"no problem has the id {given}{suggestion} descend explain lists all ids")


def diagnose(record: Record, *, select: Collection[str] = (), ignore: Collection[str] = ()) -> list[Symptom]:
    """Return a symptom for each specific problem found in a run. Causes come before their consequences."""
    found = _detect_all(record, [name for name in ids_to_check(select, ignore) if name not in GENERAL])
    seen = GENERAL.union(symptom.id for symptom in found)
    return [replace(symptom, explains=symptom.explains & seen) for symptom in found]


def general_symptoms(record: Record, *, select: Collection[str] = (), ignore: Collection[str] = ()) -> list[Symptom]:
    """Return the symptoms of failures without a known cause, for a run in which no specific problem was found."""
    return _detect_all(record, [name for name in ids_to_check(select, ignore) if name in GENERAL])


def detect(problem: str, record: Record) -> Symptom | None:
    """Return the symptom of the problem with the id `problem` in a run; None if the run does not have this problem."""
    return CATALOG[problem].detect(record, summarise(record))


def _detect_all(record: Record, names: Collection[str]) -> list[Symptom]:
    """Return a symptom for each of the named problems that a run has, with its line in the user's script."""
    summary = summarise(record)
    found = [symptom for name in names if (symptom := CATALOG[name].detect(record, summary)) is not None]
    return [replace(s, where=record.site_in_script(s.where)) if s.where else s for s in found]
