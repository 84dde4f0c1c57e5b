"""The background thread that writes a run's messages to the store about once a second."""

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, bindparam, func, select

from descend.core.errors import UsageError
from descend.doctor.record import schema
from descend.doctor.record.database import transaction
from descend.doctor.record.messages import Cost, Ending, Message, Reading
from descend.doctor.record.wire import body
from descend.doctor.redaction import mask_secrets, mask_secrets_in

INTERVAL_S = 1.0  # number of seconds between two writes, and so the largest loss of data if the process is killed
# number of values of a series that one database row holds (2 kB); the last row is rewritten until it is full
PART = 256


@dataclass
class _OpenPart:
    """The last database row of a series of values. The row is overwritten with more values until it is full."""

    number: int
    part: int = 0
    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


class Writer:
    """Stores a run's messages in the database from a background thread, so that the run never waits for the disk.

    A failing database does not stop the run: `failure` then holds one line, and unsaved messages are tried again
    every second. Once they are saved, `failure` is None again.
    """

    def __init__(self, engine: Engine, where: str, run: int) -> None:
        self.run = run
        self.failure: str | None = None
        self._engine = engine
        self._where = where
        self._arrived: list[Message] = []
        self._unsaved: list[Message] = []
        self._series: dict[tuple[str, str], _OpenPart] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        with transaction(engine, where) as connection:
            self._position = _next_free_number(connection, schema.observations.c.position, run)
            self._find_stored_series(connection)
        self._thread = threading.Thread(target=self._save_periodically, name="descend-store", daemon=True)
        self._thread.start()

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, messages: Iterable[Message]) -> None:
        """Accept messages without waiting. The background thread stores them within about a second."""
        with self._lock:
            self._arrived.extend(messages)

    def close(self) -> None:
        """Store all accepted messages and end the thread. The message of a database error is stored in `failure`."""
        self._closing.set()
        self._thread.join()

    def _save_periodically(self) -> None:
        """Store new messages every second until the writer is closed, and then once more."""
        while not self._closing.wait(INTERVAL_S):
            self._save_messages()
        self._save_messages()

    def _save_messages(self) -> None:
        """Store the messages that are not in the database yet. If this fails, keep them for the next attempt."""
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
            # The database will never accept these messages. If they were kept, no later message could be stored.
            self._unsaved = []
            self.failure = f"{self._where}: some measurements of run {self.run} cannot be stored: {error}"
        else:
            self._series.update(grown)
            self._position = position
            self._unsaved = []
            self.failure = None

    def _commit(self, messages: list[Message]) -> tuple[dict[tuple[str, str], _OpenPart], int]:
        """Store messages in one transaction.

        Returns the last part of each series that has new values, and the position of the next message.
        """
        observed, position = self._observation_rows(messages)
        costs = {m.probe: m for m in messages if isinstance(m, Cost)}
        endings = [m for m in messages if isinstance(m, Ending)]
        grown, new_series, rows, replaced = self._extend_series(messages)
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

    def _observation_rows(self, messages: list[Message]) -> tuple[list[dict[str, Any]], int]:
        """Return new rows for the database table `observations`, and the position of the next message."""
        kept = [m for m in messages if not isinstance(m, Reading | Cost | Ending)]
        rows = [
            {"run": self.run, "position": i, "kind": type(m).__name__.lower(), "body": as_json(m)}
            for i, m in enumerate(kept, self._position)
        ]
        return rows, self._position + len(rows)

    def _extend_series(self, messages: list[Message]) -> tuple[dict[tuple[str, str], _OpenPart], Any, Any, Any]:
        """Append readings to their series in memory, without writing to the database.

        Returns the last part of each changed series, the rows of new series, the rows of their parts, and the keys of
        the parts that are replaced.
        """
        grown: dict[tuple[str, str], _OpenPart] = {}
        for message in messages:
            if isinstance(message, Reading):
                key = storable(message.name), storable(message.place)
                if (series := grown.get(key)) is None:
                    series = grown[key] = self._copy_last_part(key, grown)
                series.steps.append(message.step)
                series.values.append(message.value)
        new = [
            {"run": self.run, "series": series.number, "name": name, "place": place}
            for (name, place), series in grown.items()
            if (name, place) not in self._series
        ]
        rows = [_part_row(self.run, series) for series in grown.values()]
        replaced = [{key: row[key] for key in ("run", "series", "part")} for row in rows]
        return {key: _next_part(series) for key, series in grown.items()}, new, rows, replaced

    def _copy_last_part(self, key: tuple[str, str], grown: dict[tuple[str, str], _OpenPart]) -> _OpenPart:
        """Return a copy of the last part of the series `key`; for a new series, an empty first part."""
        known = self._series.get(key)
        if known is None:
            return _OpenPart(len(self._series) + sum(other not in self._series for other in grown))
        return _OpenPart(known.number, known.part, list(known.steps), list(known.values))

    def _find_stored_series(self, connection: Connection) -> None:
        """Read which series the run already has in the database, so that new values are appended to them."""
        table = schema.series
        named = select(table.c.series, table.c.name, table.c.place).where(table.c.run == self.run)
        for number, name, place in connection.execute(named):
            own = schema.parts.c.series == number
            part = _next_free_number(connection, schema.parts.c.part, self.run, own)
            self._series[name, place] = _OpenPart(number, part)


def as_json(message: Message | dict[str, Any]) -> str:
    """Return a message or a dictionary as JSON text in which secrets are masked."""
    return json.dumps(mask_secrets_in(message if isinstance(message, dict) else body(message)), default=_to_json_value)


def _to_json_value(value: Any) -> Any:
    """Convert an object that JSON cannot represent: a NumPy scalar to a number, any other object to a text."""
    return value.item() if isinstance(value, np.generic) else mask_secrets(str(value))


def storable(text: str) -> str:
    """Return `text` with masked secrets and with escapes for NUL and lone surrogates, which a database may reject."""
    return mask_secrets(text).encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")


def _part_row(run: int, series: _OpenPart) -> dict[str, Any]:
    """Return the row of the database table `parts` for a part of a series."""
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


def _next_part(series: _OpenPart) -> _OpenPart:
    """Return `series` if it has space for more values; otherwise an empty next part of the same series."""
    return _OpenPart(series.number, series.part + 1) if len(series.steps) >= PART else series


def _insert(connection: Connection, table: Any, rows: list[dict[str, Any]]) -> None:
    """Insert rows into a database table, if there are any."""
    if rows:
        connection.execute(table.insert(), rows)


def _delete_parts(connection: Connection, keys: list[dict[str, Any]]) -> None:
    """Delete the rows with these primary keys from the database table `parts`."""
    if keys:
        parts = schema.parts
        own = [parts.c[key] == bindparam(f"old_{key}") for key in ("run", "series", "part")]
        connection.execute(parts.delete().where(*own), [{f"old_{k}": v for k, v in key.items()} for key in keys])


def _replace_costs(connection: Connection, run: int, costs: dict[str, Cost]) -> None:
    """Replace the stored time that each kind of measurement in `costs` has taken in a run."""
    table = schema.costs
    for probe, cost in costs.items():
        key = storable(probe)
        connection.execute(table.delete().where(table.c.run == run, table.c.probe == key))
        connection.execute(table.insert().values(run=run, probe=key, body=as_json(cost)))


def _next_free_number(connection: Connection, column: Any, run: int, *also: Any) -> int:
    """Return the largest number in a column plus 1, or 0, over a run's rows that satisfy the conditions `also`."""
    last = connection.scalar(select(func.max(column)).where(column.table.c.run == run, *also))
    return 0 if last is None else last + 1
