"""Examined runs that are kept as they were measured, and all that is said of them: it changes on purpose only."""

import json
import lzma
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from descend.doctor.assess.symptom import Symptom
from descend.doctor.catalog.diagnosis import diagnose, general_symptoms
from descend.doctor.catalog.prescribe import prescribe
from descend.doctor.record import Reading, Record
from descend.doctor.record.wire import decode, encode

HERE = Path(__file__).parent
RECORDS, SAID = HERE / "records.xz", HERE / "said.jsonl"
HEAD = ("run", "role", "parent", "script", "root", "seed", "environment")


def text_of(name: str, record: Record) -> str:
    """Return a record as lines: what it is of, then its messages, of each kind in the order in which they came."""
    readings = [
        Reading(*key, step, value)
        for key, (steps, values) in record.readings.items()
        for step, value in zip(steps, values, strict=True)
    ]
    facts = [fact for seen in record.facts.values() for fact in seen]
    rest = [*record.sites, *record.effects, *record.notes, *record.costs.values()]
    head = {"name": name, **{field: getattr(record, field) for field in HEAD}}
    ending = [record.ending] if record.ending else []
    return json.dumps(head) + "\n" + encode([*readings, *facts, *rest, *ending]).decode()


def kept() -> Iterator[tuple[str, Record]]:
    """Yield the name of each program that was examined, and the record of it."""
    with lzma.open(RECORDS, "rb") as lines:
        yield from records_in(lines)


def records_in(lines: Iterable[bytes]) -> Iterator[tuple[str, Record]]:
    """Yield the records that `text_of` has written, with their names."""
    name, record = "", Record()
    for line in lines:
        if line.startswith(b"{"):
            if name:
                yield name, record
            head = json.loads(line)
            name, record = head.pop("name"), Record(**{**head, "role": "baseline"})  # frozen by another name
        else:
            record.extend(decode(line))
    if name:
        yield name, record


def said_of(name: str, record: Record) -> list[dict[str, Any]]:
    """Return what is said of a run: each symptom, and what is prescribed for it."""
    named = diagnose(record)
    found = [*named, *general_symptoms(record)]
    return [{"of": name, **_plain(symptom), "prescribed": _prescribed(record, symptom, named)} for symptom in found]


def _plain(symptom: Symptom) -> dict[str, Any]:
    plain = {"id": symptom.id, "kind": symptom.kind, **asdict(symptom)}
    del plain["is_observation"]  # that is known after trials alone
    return {**plain, "explains": sorted(symptom.explains)}


def _prescribed(record: Record, symptom: Symptom, named: list[Symptom]) -> list[list[Any]]:
    return [["+".join(p.remedies), p.label, p.cost, p.judged_on] for p in prescribe(record, [symptom], named)]


def lines_of(name: str, record: Record) -> list[str]:
    """Return what is said of a run as lines of JSON; one line where nothing is said."""
    return [json.dumps(said) for said in said_of(name, record) or [{"of": name, "id": None}]]
