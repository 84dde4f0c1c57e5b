"""A run read back from the rows that it is kept in; what is damaged there is said in one line."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_origin, get_type_hints

import numpy as np
from sqlalchemy import Connection, Row, select

from descend.doctor.record import schema
from descend.doctor.record.facts.older import name_now
from descend.doctor.record.facts.typed import KINDS, typed
from descend.doctor.record.reading import Cost, Effect, Ending, Fact, Message, Note, Site
from descend.doctor.record.record import Record
from descend.ground.errors import UsageError

UNFINISHED, DAMAGED = "unfinished", "damaged"
WRONG = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)  # of what cannot be read

_OBSERVED: dict[str, type[Any]] = {"fact": Fact, "site": Site, "effect": Effect, "note": Note}
_NUMBERS: dict[Any, Any] = {float: (int, float)}


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


@contextmanager
def intact(what: str) -> Iterator[None]:
    """Raise `UsageError` where what was kept cannot be read."""
    try:
        yield
    except WRONG as error:
        reason = (str(error).splitlines() or [""])[0][:80]
        words = f"{what} cannot be read: it is damaged, or of another descend"
        raise UsageError(f"{words} ({type(error).__name__}: {reason})") from None


def line(row: Row[Any]) -> RunRow:
    """Return a run's line in the list; of a damaged one what can be read."""
    try:
        ending = _made(Ending, json.loads(row.ending)) if row.ending else None
        started = datetime.fromisoformat(row.started)
        steps, status = ending.steps if ending else int(row.last or 0), ending.reason if ending else UNFINISHED
    except WRONG:
        started, steps, status = None, 0, DAMAGED
    return RunRow(row.number, started, str(row.role), str(row.script), steps, status, row.found, row.parent)


def loaded(connection: Connection, row: Row[Any]) -> Record:
    """Return the record that a row of the table of runs begins. Raises one of `WRONG` where it is damaged."""
    record = Record(
        run=row.number,
        role=row.role,
        parent=row.parent,
        script=row.script,
        root=row.root,
        seed=row.seed,
        environment=dict(json.loads(row.environment)),
        readings=_readings(connection, row.number),
        ending=_made(Ending, json.loads(row.ending)) if row.ending else None,
    )
    if not all(isinstance(text, str) for text in (row.role, row.script, row.root, *record.environment.values())):
        raise TypeError("a text is none")
    table, costs = schema.observations, schema.costs
    seen = select(table.c.kind, table.c.body).where(table.c.run == row.number).order_by(table.c.position)
    record.extend(_readable(_made(_OBSERVED[kind], json.loads(body)) for kind, body in connection.execute(seen)))
    spent = select(costs.c.body).where(costs.c.run == row.number)
    record.extend(_made(Cost, json.loads(body)) for body in connection.scalars(spent))
    return record


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


def _made(kind: type[Any], body: dict[str, Any]) -> Any:
    """Return a message whose fields hold what they are to hold."""
    message = kind(**body)
    for name, meant in get_type_hints(kind).items():
        expected = dict if get_origin(meant) is not None else _NUMBERS.get(meant, meant)
        if not isinstance(getattr(message, name), expected):
            raise TypeError(f"{name} is no {meant}")
    return message


def _readings(connection: Connection, run: int) -> dict[tuple[str, str], tuple[list[int], list[float]]]:
    series, parts = schema.series, schema.parts
    named = select(series.c.series, series.c.name, series.c.place).where(series.c.run == run)
    found: dict[int, tuple[tuple[str, str], list[Any], list[Any]]] = {
        number: ((str(name), str(place)), [], [])
        for number, name, place in connection.execute(named.order_by(series.c.series))
    }
    query = select(parts).where(parts.c.run == run).order_by(parts.c.series, parts.c.part)
    for row in connection.execute(query):
        _, steps, values = found[row.series]
        values.append(np.frombuffer(row.data, dtype="<f8"))
        if row.length != len(values[-1]):
            raise ValueError(f"a part has {len(values[-1])} values instead of {row.length}")
        steps.append(_steps(row))
    return {
        key: (np.concatenate(steps).tolist(), np.concatenate(values).tolist()) for key, steps, values in found.values()
    }


def _steps(row: Row[Any]) -> Any:
    if row.steps is None:
        return int(row.first_step) + int(row.stride) * np.arange(row.length)
    steps = np.frombuffer(row.steps, dtype="<i8")
    if len(steps) != row.length:
        raise ValueError(f"a part has {len(steps)} steps instead of {row.length}")
    return steps
