"""Reading a run back from the rows of a store."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, select

from descend.doctor.record import schema
from descend.doctor.record.decoding import DECODING_ERRORS, as_type, decode_json, decode_text, reject_unknown_fields
from descend.doctor.record.facts.typed import KINDS, typed
from descend.doctor.record.messages import Cost, Effect, Ending, Fact, Message, Note, Site
from descend.doctor.record.record import Record

UNFINISHED, DAMAGED = "unfinished", "damaged"

_OBSERVED: dict[str, type[Any]] = {"fact": Fact, "site": Site, "effect": Effect, "note": Note}


@dataclass(frozen=True)
class RunRow:
    """One stored run, as a line of the list of runs that descend prints."""

    number: int
    started: datetime | None  # time in UTC
    role: str
    script: str
    steps: int
    status: str  # why the run ended; `unfinished` if it did not, `damaged` if it cannot be read
    findings: int
    parent: int | None


@dataclass(frozen=True)
class _Run:
    """A row of the database table `runs`."""

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
    """A row of the database table `series`."""

    series: int
    name: str
    place: str


@dataclass(frozen=True)
class _Part:
    """A row of the database table `parts`: consecutive steps and values of a series."""

    series: int
    length: int
    first_step: int
    stride: int | None
    steps: bytes | None
    data: bytes


def list_entry(row: Row[Any]) -> RunRow:
    """Return the line for a stored run in the list of runs. A damaged run has empty values."""
    try:
        run = _convert_run(row)
        steps, status = run.ending.steps if run.ending else int(row.last or 0), run.ending.reason if run.ending else ""
    except DECODING_ERRORS:
        return RunRow(row.number, None, str(row.role), str(row.script), 0, DAMAGED, row.found, None)
    return RunRow(run.number, run.started, run.role, run.script, steps, status or UNFINISHED, row.found, run.parent)


def read_environment(row: Row[Any]) -> dict[str, str]:
    """Return package versions, device and similar settings of a stored run. Raises one of `DECODING_ERRORS`."""
    return decode_text(dict[str, str], row.environment, "environment")


def load_record(connection: Connection, row: Row[Any]) -> Record:
    """Read all measurements of a stored run and return them as a `Record`.

    Raises one of `DECODING_ERRORS` if the run is damaged.
    """
    run = _convert_run(row)
    record = Record(
        run=run.number,
        role=run.role,
        parent=run.parent,
        script=run.script,
        root=run.root,
        seed=run.seed,
        environment=run.environment,
        readings=_load_readings(connection, run.number),
        ending=run.ending,
    )
    table, costs = schema.observations, schema.costs
    seen = select(table.c.position, table.c.kind, table.c.body).where(table.c.run == run.number)
    record.extend(
        _without_unreadable(_decode_message(*found) for found in connection.execute(seen.order_by(table.c.position)))
    )
    spent = select(costs.c.body).where(costs.c.run == run.number)
    record.extend(decode_text(Cost, body, "cost") for body in connection.scalars(spent))
    return record


def _convert_run(row: Row[Any]) -> _Run:
    """Convert a row of the database table `runs` to a `_Run` with values of the right types."""
    ending = decode_json(row.ending, "ending") if row.ending is not None else None
    return as_type(_Run, _select_columns(_Run, row) | {"environment": read_environment(row), "ending": ending}, "run")


def _select_columns(kind: type[Any], row: Row[Any]) -> dict[str, Any]:
    """Return, by name, the columns of a database row that are fields of the dataclass `kind`."""
    return {field.name: row._mapping[field.name] for field in fields(kind)}


def _decode_message(position: int, kind: str, body: str) -> Message:
    """Convert the columns of a row of the database table `observations` to a message."""
    name = f"observation {position}"
    if kind not in _OBSERVED:
        raise ValueError(f"{name}: unknown kind of message {kind!r}")
    message: Message = as_type(
        _OBSERVED[kind], reject_unknown_fields(_OBSERVED[kind], decode_json(body, name), name), name
    )
    return message


def _without_unreadable(observed: Iterable[Message]) -> Iterator[Message]:
    """Yield stored messages, but a single note instead of all unreadable observations of one kind."""
    left_out = set()
    for message in observed:
        if not isinstance(message, Fact) or _is_typed(message):
            yield message
        elif message.name not in left_out:
            left_out.add(message.name)
            yield Note("record", f"a measurement by an earlier version of descend cannot be read: {message.name}")


def _is_typed(fact: Fact) -> bool:
    """Return whether a stored observation fits its dataclass. True for an unknown kind, which nothing reads."""
    kind = KINDS.get(fact.name)
    try:
        return kind is None or typed(kind, fact.detail) is not None
    except DECODING_ERRORS:
        return False


def _load_readings(connection: Connection, run: int) -> dict[tuple[str, str], tuple[list[int], list[float]]]:
    """Read the measured quantities of a run: map (quantity, place) to the list of steps and the list of values."""
    series, parts = schema.series, schema.parts
    named = [
        as_type(_Series, _select_columns(_Series, row), "series")
        for row in connection.execute(select(series).where(series.c.run == run).order_by(series.c.series))
    ]
    found: dict[int, tuple[tuple[str, str], list[Any], list[Any]]] = {
        row.series: ((row.name, row.place), [], []) for row in named
    }
    query = select(parts).where(parts.c.run == run).order_by(parts.c.series, parts.c.part)
    for row in connection.execute(query):
        part = as_type(_Part, _select_columns(_Part, row), "series")
        if part.series not in found:
            raise ValueError(f"there is no series {part.series}")
        _, steps, values = found[part.series]
        values.append(np.frombuffer(part.data, dtype="<f8"))
        if part.length != len(values[-1]):
            raise ValueError(f"series {part.series} has {len(values[-1])} values instead of {part.length}")
        steps.append(_steps_of_part(part))
    return {
        key: (np.concatenate(steps).tolist(), np.concatenate(values).tolist()) for key, steps, values in found.values()
    }


def _steps_of_part(part: _Part) -> Any:
    """Return the step of each value in a part of a series, from the stride or the stored array of steps."""
    if part.steps is None:
        if part.stride is None:
            raise ValueError(f"series {part.series} has neither steps nor a stride")
        return part.first_step + part.stride * np.arange(part.length)
    steps = np.frombuffer(part.steps, dtype="<i8")
    if len(steps) != part.length:
        raise ValueError(f"series {part.series} has {len(steps)} steps instead of {part.length}")
    return steps
