"""The store of runs: one SQLite file with a write-ahead log, or a database at any SQLAlchemy URL.

Several processes may write different runs at once. A killed process loses about its last second.
"""

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, func, or_, select, text

from descend.core.errors import UsageError
from descend.core.regular_files import is_link_or_special
from descend.doctor.record import schema
from descend.doctor.record.database import FILE, connect, connect_to_read, has_write_permission, is_url, transaction
from descend.doctor.record.decoding import decode_json, reporting_damage
from descend.doctor.record.loading import RunRow, list_entry, load_record, read_environment
from descend.doctor.record.messages import Message, Reading
from descend.doctor.record.record import Record
from descend.doctor.record.writer import Writer, as_json, storable
from descend.doctor.redaction import mask_secrets_in
from descend.doctor.script.run_names import Role

TIMEOUT_S = 10.0  # seconds to wait for a database that another process has locked
RANKS_APART_S = 300.0  # number of seconds by which another process of a distributed job may start before rank 0
LISTED = 20  # largest number of run numbers that an error message lists
LARGEST = 2**31 - 1  # largest run number that a database can hold
# Consultations and watched runs have the numbers 1, 2, 3, …; all runs inside them are numbered from here on.
FIRST_INNER = 10**9
REPORTS = Path(".descend")  # folder for reports if the runs are stored on a database server


def open_store(where: Path | str, timeout_s: float = TIMEOUT_S) -> "Store":
    """Open the store in a folder, which is created if it is missing, or at a database URL.

    Raises `UsageError` when it cannot be written, is locked for longer than `timeout_s`, is not a database,
    or was written by a newer descend.
    """
    engine, name = connect(where, timeout_s)
    return Store(engine, name, REPORTS if is_url(where) else Path(where))


def open_existing(where: Path | str) -> "Store":
    """Open an existing store for reading. Raises `UsageError` if it is missing, damaged or locked."""
    if is_url(where):
        return open_store(where)
    if not os.path.exists(Path(where, FILE)):  # Path.exists would raise an error for an invalid name.
        raise UsageError(f"no runs are recorded in {where}; run descend doctor SCRIPT to record one")
    if has_write_permission(Path(where)):
        return open_store(where)
    engine, name = connect_to_read(Path(where), TIMEOUT_S)
    return Store(engine, name, Path(where))


class Store:
    """All stored runs, findings and trials. Its methods raise `UsageError` when the database fails."""

    def __init__(self, engine: Engine, where: str, folder: Path) -> None:
        self.engine = engine
        self.where = where  # path of the store, or its URL without password, for messages
        self.folder = folder  # folder in which reports and patches are written
        self.has_begun = False  # whether a run has been added to the store since it was opened
        self.failure = ""  # the reason why a part of the results could not be stored; "" if all were stored

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database connections."""
        self.engine.dispose()

    def begin(self, record: Record) -> int:
        """Add a new run, still without measurements, to the database; set its number in `record` and return it."""
        row = {
            "role": record.role,
            "parent": record.parent,
            "script": storable(record.script),
            "root": storable(record.root),
            "seed": record.seed,
            "environment": as_json(record.environment),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        with transaction(self.engine, self.where, write=True) as connection:
            if connection.dialect.name == "postgresql":  # SQLite has locked the database for this transaction.
                connection.execute(text("LOCK TABLE runs IN SHARE ROW EXCLUSIVE MODE"))
            number = _next_number(connection, is_listed=_is_listed(record.role, record.parent))
            connection.execute(schema.runs.insert().values(row | {"number": number}))
        record.run = number
        self.has_begun = True
        return record.run

    def set_parent(self, runs: Sequence[int], parent: int) -> None:
        """Make runs inner runs of the run `parent`, so that `descend runs` does not list them."""
        table = schema.runs
        with transaction(self.engine, self.where, write=True) as connection:
            connection.execute(table.update().where(table.c.number.in_(runs)).values(parent=parent))

    def folder_of(self, run: int) -> Path:
        """Return the folder of a run's report and patches.

        Raises `UsageError` if it is, or contains, a link, a pipe or a device: a store from an unknown source could
        otherwise cause another file to be overwritten.
        """
        folder = self.folder / str(run)
        for path in (folder, *(folder.iterdir() if folder.is_dir() else ())):
            if is_link_or_special(path) and (path.is_symlink() or not path.is_dir()):
                raise UsageError(
                    f"{path} is a link or a special file, and a report would overwrite its target: delete it"
                )
        return folder

    def writer(self, run: int) -> Writer:
        """Start a thread that stores a run's messages; return its `Writer`. A run has one writer at a time."""
        return Writer(self.engine, self.where, run)

    def finish(self, record: Record) -> None:
        """Store how a run ended, and update its environment, which is complete only then."""
        changes = {"environment": as_json(record.environment)}
        if record.ending:
            changes["ending"] = as_json(record.ending)
        with transaction(self.engine, self.where, write=True) as connection:
            self._require_run(connection, record.run)
            own = schema.runs.c.number == record.run
            connection.execute(schema.runs.update().where(own).values(changes))

    def save(self, record: Record) -> int:
        """Store the complete record of a run at once; return the number of the run."""
        self.begin(record)
        with self.writer(record.run) as writer:
            writer.add(_record_messages(record))
        if writer.failure:
            raise UsageError(writer.failure)
        return record.run

    def load(self, run: int) -> Record:
        """Read the record of a run from the database. Its `ending` is None if the process was killed.

        Raises `UsageError` with the existing numbers if there is no such run.
        """
        with transaction(self.engine, self.where) as connection:
            row = self._require_run(connection, run)
            with reporting_damage(self._run_label(run)):
                return load_record(connection, row)

    def trial_runs(self, parent: int) -> dict[int, Record]:
        """Map the number of each trial run of the baseline run `parent` to the trial run's record, oldest first."""
        runs = schema.runs
        with transaction(self.engine, self.where) as connection:
            self._require_run(connection, parent)
            query = select(runs).where(runs.c.parent == parent, runs.c.role == Role.TRIAL_RUN).order_by(runs.c.number)
            rows = connection.execute(query).all()
            with reporting_damage(self._run_label(parent)):
                return {row.number: load_record(connection, row) for row in rows}

    def ranks(self, record: Record) -> dict[int, bool]:
        """Map the newest run of each other process in the same distributed job to whether it has ended."""
        runs, job = schema.runs, mask_secrets_in(record.environment.get("job"))
        with transaction(self.engine, self.where) as connection:
            own = self._require_run(connection, record.run)
            query = select(runs).where(
                runs.c.role == Role.RANK, runs.c.started >= _earlier_time(own.started, RANKS_APART_S)
            )
            found = connection.execute(query.order_by(runs.c.number)).all()
            with reporting_damage(f"another rank's record in {self.where}"):
                same = [row for row in found if read_environment(row).get("job") == job]
                newest = {read_environment(row)["rank"]: row for row in same}
            return {newest[rank].number: newest[rank].ending is not None for rank in sorted(newest, key=int)}

    def runs(self, roles: Sequence[str] = ("baseline", "watch")) -> list[RunRow]:
        """Return the stored runs that have one of `roles`, oldest first, without the baseline runs of follow-ups."""
        runs, parts, findings = schema.runs, schema.parts, schema.findings
        last = select(func.max(parts.c.last_step)).where(parts.c.run == runs.c.number).scalar_subquery()
        found = select(func.count()).where(findings.c.run == runs.c.number).scalar_subquery()
        query = select(runs, last.label("last"), found.label("found"))
        with transaction(self.engine, self.where) as connection:
            own = or_(runs.c.parent.is_(None), runs.c.role != Role.BASELINE)
            rows = connection.execute(query.where(runs.c.role.in_(roles), own).order_by(runs.c.number)).all()
        return [list_entry(row) for row in rows]

    def number(self, run: int | None) -> int:
        """Return `run`, or the newest run's number if `run` is None.

        Raises `UsageError` if no runs are stored, if `run` is not stored, or if it is a trial or another inner run.
        """
        if run is not None:
            with transaction(self.engine, self.where) as connection:
                row = self._require_run(connection, run)
            if not _is_listed(row.role, row.parent):
                raise UsageError(f"{self._run_label(run)} belongs to another run; descend runs lists the runs")
            return run
        rows = self.runs()
        if not rows:
            raise UsageError("no runs are recorded yet; run descend doctor SCRIPT to record one")
        return rows[-1].number

    def save_case(self, run: int, findings: Sequence[dict[str, Any]], trials: Sequence[dict[str, Any]]) -> None:
        """Store the findings and trials of a run, and delete those that were stored earlier.

        The dictionaries hold JSON values; a tuple is read back as a list.
        """
        tables = ((schema.findings, "rank", findings), (schema.trials, "position", trials))
        with transaction(self.engine, self.where, write=True) as connection:
            self._require_run(connection, run)
            for table, order, bodies in tables:
                connection.execute(table.delete().where(table.c.run == run))
                rows = [{"run": run, order: i, "body": as_json(body)} for i, body in enumerate(bodies)]
                if rows:
                    connection.execute(table.insert(), rows)

    def load_case(self, run: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return the stored findings (worst first) and trials of a run."""
        with transaction(self.engine, self.where) as connection:
            self._require_run(connection, run)
            findings, trials = (
                connection.scalars(select(table.c.body).where(table.c.run == run).order_by(order)).all()
                for table, order in (
                    (schema.findings, schema.findings.c.rank),
                    (schema.trials, schema.trials.c.position),
                )
            )
        with reporting_damage(self._run_label(run)):
            return [decode_json(body, "finding") for body in findings], [decode_json(body, "trial") for body in trials]

    def _run_label(self, run: int) -> str:
        """Return the words that name a run and its store in messages."""
        return f"run {run} in {self.where}"

    def _require_run(self, connection: Connection, run: int) -> Row[Any]:
        """Return the database row of a run. Raises `UsageError` that lists the existing runs if it is missing."""
        runs = schema.runs
        is_number = 0 < run <= LARGEST
        row = connection.execute(select(runs).where(runs.c.number == run)).first() if is_number else None
        if row is not None:
            return row
        query = select(runs.c.number).where(_LISTED).order_by(runs.c.number.desc()).limit(LISTED + 1)
        known = sorted(connection.scalars(query))
        if not known:
            raise UsageError(f"there is no run {run} in {self.where}: no runs are recorded yet")
        earlier = "… " if len(known) > LISTED else ""
        numbers = ", ".join(map(str, known[-LISTED:]))
        raise UsageError(f"there is no run {run} in {self.where}; existing runs: {earlier}{numbers}")


# the condition of `_is_listed` in SQL
_LISTED = or_(
    schema.runs.c.role == Role.WATCH, and_(schema.runs.c.role == Role.BASELINE, schema.runs.c.parent.is_(None))
)


def _is_listed(role: str, parent: int | None) -> bool:
    """Return whether `descend runs` lists a run: a watched run, or the observed run of a consultation."""
    return role == Role.WATCH or (role == Role.BASELINE and parent is None)


def _next_number(connection: Connection, *, is_listed: bool) -> int:
    """Return the number of the next run: one more than the largest number of a listed run, or of an inner run."""
    number, first = schema.runs.c.number, 1 if is_listed else FIRST_INNER
    of_same_kind = number < FIRST_INNER if is_listed else number >= FIRST_INNER
    last: int | None = connection.scalar(select(func.max(number)).where(of_same_kind))
    return first if last is None else last + 1


def _earlier_time(started: str, seconds: float) -> str:
    """Return the time that is `seconds` earlier than `started`. Both times are texts in ISO 8601 format."""
    return (datetime.fromisoformat(started) - timedelta(seconds=seconds)).isoformat(timespec="seconds")


def _record_messages(record: Record) -> Iterator[Message]:
    """Yield all messages (measurements, notes, ending) that a record was built from."""
    for (name, place), (steps, values) in record.readings.items():
        yield from (Reading(name, place, step, value) for step, value in zip(steps, values, strict=True))
    for facts in record.facts.values():
        yield from facts
    for others in (record.sites, record.effects, record.notes, record.costs.values()):
        yield from others
    if record.ending:
        yield record.ending
