"""The background thread that brings a run's messages into the store about once a second."""

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, bindparam, func, select

from descend.doctor.record import schema
from descend.doctor.record.database import transaction
from descend.doctor.record.reading import Cost, Ending, Message, Reading
from descend.doctor.record.wire import body
from descend.doctor.redaction import clean, cleaned
from descend.ground.errors import UsageError

INTERVAL_S = 1.0  # what a killed process may lose
PART = 256  # values after which a part is closed; an open one (2 kB) is written again every second


@dataclass
class _Growing:
    """The last part of a series: rewritten in place until it is full."""

    number: int
    part: int = 0
    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


class Writer:
    """Takes messages at once and commits them later, so that the run never waits for a disk.

    A failing database does not stop the run: `failure` then holds one line, what is unsaved is kept and tried
    again every second, and once it is saved `failure` is None again.
    """

    def __init__(self, engine: Engine, where: str, run: int) -> None:
        self.run = run
        self.failure: str | None = None
        self._engine = engine
        self._where = where
        self._arrived: list[Message] = []
        self._unsaved: list[Message] = []
        self._series: dict[tuple[str, str], _Growing] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        with transaction(engine, where) as connection:
            self._position = _next(connection, schema.observations.c.position, run)
            self._resume(connection)
        self._thread = threading.Thread(target=self._work, name="descend-store", daemon=True)
        self._thread.start()

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, messages: Iterable[Message]) -> None:
        """Take messages; they are committed within about a second."""
        with self._lock:
            self._arrived.extend(messages)

    def close(self) -> None:
        """Commit what is left and end the thread. Never raises for the database: see `failure`."""
        self._closing.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._closing.wait(INTERVAL_S):
            self._save()
        self._save()

    def _save(self) -> None:
        with self._lock:
            self._unsaved.extend(self._arrived)
            self._arrived.clear()
        if not self._unsaved:
            return
        try:
            grown, position = self._commit(self._unsaved)
        except UsageError as error:
            self.failure = str(error)
        except (OverflowError, TypeError, ValueError) as error:
            # these messages can never be stored: keeping them would hold up all that follow
            self._unsaved = []
            self.failure = f"{self._where}: some measurements of run {self.run} cannot be stored: {error}"
        else:
            self._series.update(grown)
            self._position = position
            self._unsaved = []
            self.failure = None

    def _commit(self, messages: list[Message]) -> tuple[dict[tuple[str, str], _Growing], int]:
        observed, position = self._observed(messages)
        costs = {m.probe: m for m in messages if isinstance(m, Cost)}
        endings = [m for m in messages if isinstance(m, Ending)]
        grown, new_series, rows, replaced = self._grown(messages)
        with transaction(self._engine, self._where, write=True) as connection:
            _insert(connection, schema.series, new_series)
            _delete_parts(connection, replaced)
            _insert(connection, schema.parts, rows)
            _insert(connection, schema.observations, observed)
            _replace_costs(connection, self.run, costs)
            if endings:
                own = schema.runs.c.number == self.run
                connection.execute(schema.runs.update().where(own).values(ending=as_json(endings[-1])))
        return grown, position

    def _observed(self, messages: list[Message]) -> tuple[list[dict[str, Any]], int]:
        kept = [m for m in messages if not isinstance(m, Reading | Cost | Ending)]
        rows = [
            {"run": self.run, "position": i, "kind": type(m).__name__.lower(), "body": as_json(m)}
            for i, m in enumerate(kept, self._position)
        ]
        return rows, self._position + len(rows)

    def _grown(self, messages: list[Message]) -> tuple[dict[tuple[str, str], _Growing], Any, Any, Any]:
        """Return the series as they will be, with the rows that make them so; nothing is changed yet."""
        grown: dict[tuple[str, str], _Growing] = {}
        for message in messages:
            if isinstance(message, Reading):
                key = storable(message.name), storable(message.place)
                if (series := grown.get(key)) is None:
                    series = grown[key] = self._start(key, grown)
                series.steps.append(message.step)
                series.values.append(message.value)
        new = [
            {"run": self.run, "series": series.number, "name": name, "place": place}
            for (name, place), series in grown.items()
            if (name, place) not in self._series
        ]
        rows = [_part(self.run, series) for series in grown.values()]
        replaced = [{key: row[key] for key in ("run", "series", "part")} for row in rows]
        return {key: _after(series) for key, series in grown.items()}, new, rows, replaced

    def _start(self, key: tuple[str, str], grown: dict[tuple[str, str], _Growing]) -> _Growing:
        known = self._series.get(key)
        if known is None:
            return _Growing(len(self._series) + sum(other not in self._series for other in grown))
        return _Growing(known.number, known.part, list(known.steps), list(known.values))

    def _resume(self, connection: Connection) -> None:
        table = schema.series
        named = select(table.c.series, table.c.name, table.c.place).where(table.c.run == self.run)
        for number, name, place in connection.execute(named):
            own = schema.parts.c.series == number
            part = _next(connection, schema.parts.c.part, self.run, own)
            self._series[name, place] = _Growing(number, part)


def as_json(message: Message | dict[str, Any]) -> str:
    """Return a message, or a dictionary, as text for the store, without secrets."""
    return json.dumps(cleaned(message if isinstance(message, dict) else body(message)), default=_plain)


def _plain(value: Any) -> Any:
    """Return what JSON has no type for: one of NumPy's numbers as a number, or it could not be read as one again."""
    return value.item() if isinstance(value, np.generic) else clean(str(value))


def storable(text: str) -> str:
    """Return `text` without secrets, and what a database may refuse: NUL, the halves of undecodable file names."""
    return clean(text).encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")


def _part(run: int, series: _Growing) -> dict[str, Any]:
    steps = np.asarray(series.steps, dtype="<i8")
    strides = np.unique(np.diff(steps))
    regular = len(strides) <= 1
    return {
        "run": run,
        "series": series.number,
        "part": series.part,
        "length": len(steps),
        "first_step": int(steps[0]),
        "last_step": int(steps[-1]),
        "stride": int(strides.sum()) if regular else None,
        "steps": None if regular else steps.tobytes(),
        "data": np.asarray(series.values, dtype="<f8").tobytes(),
    }


def _after(series: _Growing) -> _Growing:
    return _Growing(series.number, series.part + 1) if len(series.steps) >= PART else series


def _insert(connection: Connection, table: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(table.insert(), rows)


def _delete_parts(connection: Connection, keys: list[dict[str, Any]]) -> None:
    if keys:
        parts = schema.parts
        own = [parts.c[key] == bindparam(f"old_{key}") for key in ("run", "series", "part")]
        connection.execute(parts.delete().where(*own), [{f"old_{k}": v for k, v in key.items()} for key in keys])


def _replace_costs(connection: Connection, run: int, costs: dict[str, Cost]) -> None:
    table = schema.costs
    for probe, cost in costs.items():
        key = storable(probe)
        connection.execute(table.delete().where(table.c.run == run, table.c.probe == key))
        connection.execute(table.insert().values(run=run, probe=key, body=as_json(cost)))


def _next(connection: Connection, column: Any, run: int, *also: Any) -> int:
    last = connection.scalar(select(func.max(column)).where(column.table.c.run == run, *also))
    return 0 if last is None else last + 1
