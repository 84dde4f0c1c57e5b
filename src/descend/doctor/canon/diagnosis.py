"""From a record to what is wrong with the run: each entry of the list looks for its own problem."""

from collections.abc import Collection
from dataclasses import replace

from descend.doctor.canon import CANON, GENERAL
from descend.doctor.record import Record
from descend.doctor.symptoms import Symptom
from descend.ground.errors import UsageError


def chosen(select: Collection[str], ignore: Collection[str]) -> list[str]:
    """Return the ids to look for: those selected (all, where none is) without those ignored."""
    return [name for name in CANON if name not in ignore and (not select or name in select)]


def check_ids(ids: Collection[str]) -> None:
    """Raise `UsageError` for the first id that no problem has."""
    if unknown := [name for name in ids if name not in CANON]:
        raise UsageError(f"unknown symptom {unknown[0]}; there are: {', '.join(CANON)}")


def diagnose(record: Record, *, select: Collection[str] = (), ignore: Collection[str] = ()) -> list[Symptom]:
    """Return what is wrong, causes first; each with those of its consequences that were seen, or that are general."""
    found = _found(record, [name for name in chosen(select, ignore) if name not in GENERAL])
    seen = GENERAL.union(symptom.id for symptom in found)
    return [replace(symptom, explains=symptom.explains & seen) for symptom in found]


def general(record: Record, *, select: Collection[str] = (), ignore: Collection[str] = ()) -> list[Symptom]:
    """Return what may be wrong where nothing that has a name of its own does explain a run."""
    return _found(record, [name for name in chosen(select, ignore) if name in GENERAL])


def _found(record: Record, names: Collection[str]) -> list[Symptom]:
    found = [symptom for name in names if (symptom := CANON[name].look(record)) is not None]
    return [replace(s, where=record.site_in_script(s.where)) if s.where else s for s in found]
