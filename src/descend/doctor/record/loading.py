"""A run read back from the rows that a store keeps of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, select

from descend.doctor.record import schema
from descend.doctor.record.decoding import WRONG, as_type, decoded, plain, without_unknown
from descend.doctor.record.facts.older import name_now
from descend.doctor.record.facts.typed import KINDS, typed
from descend.doctor.record.reading import Cost, Effect, Ending, Fact, Message, Note, Site
from descend.doctor.record.record import Record

UNFINISHED, DAMAGED = "unfinished", "damaged"

_OBSERVED: dict[str, type[Any]] = {"fact": Fact, "site": Site, "effect": Effect, "note": Note}


@dataclass(frozen=True)
class RunRow:
    """One line of the list of runs."""

    number: int
    started: datetime | None  # UTC
    role: str
    script: str
    steps: int
    status: str  # the ending's reason, `unfinished`, or `damaged`
    findings: int
    parent: int | None


@dataclass(frozen=True)
class _Run:
    """A row of the table of runs."""

    number: int
    role: str
    parent: int | None
    script: str
    root: str
    seed: int
    environment: dict[str, str]
    started: datetime
    ending: Ending | None


@dataclass(frozen=True)
class _Series:
    """A row of the table of series."""

    series: int
    name: str
    place: str


@dataclass(frozen=True)
class _Part:
    """A row of the table of parts: some of a series' steps and values."""

    series: int
    length: int
    first_step: int
    stride: int | None
    steps: bytes | None
    data: bytes


def line(row: Row[Any]) -> RunRow:
    """Return a run's line in the list; of a damaged one what can be read."""
    try:
        run = _run(row)
        steps, status = run.ending.steps if run.ending else int(row.last or 0), run.ending.reason if run.ending else ""
    except WRONG:
        return RunRow(row.number, None, str(row.role), str(row.script), 0, DAMAGED, row.found, None)
    return RunRow(run.number, run.started, run.role, run.script, steps, status or UNFINISHED, row.found, run.parent)


def environment(row: Row[Any]) -> dict[str, str]:
    """Return the environment of a row of the table of runs. Raises one of `WRONG` where it is damaged."""
    return decoded(dict[str, str], row.environment, "environment")


def loaded(connection: Connection, row: Row[Any]) -> Record:
    """Return the record that a row of the table of runs begins. Raises one of `WRONG` where it is damaged."""
    run = _run(row)
    record = Record(
        run=run.number,
        role=run.role,
        parent=run.parent,
        script=run.script,
        root=run.root,
        seed=run.seed,
        environment=run.environment,
        readings=_readings(connection, run.number),
        ending=run.ending,
    )
    table, costs = schema.observations, schema.costs
    seen = select(table.c.position, table.c.kind, table.c.body).where(table.c.run == run.number)
    record.extend(_readable(_observed(*found) for found in connection.execute(seen.order_by(table.c.position))))
    spent = select(costs.c.body).where(costs.c.run == run.number)
    record.extend(decoded(Cost, body, "cost") for body in connection.scalars(spent))
    return record


def _run(row: Row[Any]) -> _Run:
    ending = plain(row.ending, "ending") if row.ending is not None else None
    return as_type(_Run, _columns(_Run, row) | {"environment": environment(row), "ending": ending}, "run")


def _columns(kind: type[Any], row: Row[Any]) -> dict[str, Any]:
    """Return the columns of a row that a type has fields for."""
    return {field.name: row._mapping[field.name] for field in fields(kind)}


def _observed(position: int, kind: str, body: str) -> Message:
    name = f"observation {position}"
    if kind not in _OBSERVED:
        raise ValueError(f"{name}: there is no kind {kind!r}")
    message: Message = as_type(_OBSERVED[kind], without_unknown(_OBSERVED[kind], plain(body, name), name), name)
    return message


def _readable(observed: Iterable[Message]) -> Iterator[Message]:
    """Yield what was observed, without the facts that have another form than their types; a note for each such name."""
    left_out = set()
    for message in observed:
        if not isinstance(message, Fact) or _is_typed(message):
            yield message
        elif (name := name_now(message.name)) not in left_out:
            left_out.add(name)
            yield Note("record", f"an observation of an earlier descend cannot be read: {name}")


def _is_typed(fact: Fact) -> bool:
    """Whether what was kept of a fact can be read as its type; what has none, nothing reads."""
    kind = KINDS.get(name_now(fact.name))
    try:
        return kind is None or typed(kind, fact.detail) is not None
    except WRONG:
        return False


def _readings(connection: Connection, run: int) -> dict[tuple[str, str], tuple[list[int], list[float]]]:
    series, parts = schema.series, schema.parts
    named = [
        as_type(_Series, _columns(_Series, row), "series")
        for row in connection.execute(select(series).where(series.c.run == run).order_by(series.c.series))
    ]
    found: dict[int, tuple[tuple[str, str], list[Any], list[Any]]] = {
        row.series: ((row.name, row.place), [], []) for row in named
    }
    query = select(parts).where(parts.c.run == run).order_by(parts.c.series, parts.c.part)
    for row in connection.execute(query):
        part = as_type(_Part, _columns(_Part, row), "series")
        if part.series not in found:
            raise ValueError(f"there is no series {part.series}")
        _, steps, values = found[part.series]
        values.append(np.frombuffer(part.data, dtype="<f8"))
        if part.length != len(values[-1]):
            raise ValueError(f"series {part.series}: {len(values[-1])} values instead of {part.length}")
        steps.append(_steps(part))
    return {
        key: (np.concatenate(steps).tolist(), np.concatenate(values).tolist()) for key, steps, values in found.values()
    }


def _steps(part: _Part) -> Any:
    if part.steps is None:
        if part.stride is None:
            raise ValueError(f"series {part.series}: neither steps nor a stride")
        return part.first_step + part.stride * np.arange(part.length)
    steps = np.frombuffer(part.steps, dtype="<i8")
    if len(steps) != part.length:
        raise ValueError(f"series {part.series}: {len(steps)} steps instead of {part.length}")
    return steps
