"""Runs kept on disk and read back: one SQLite file with a write-ahead log, or any SQLAlchemy URL.

Several processes may write at once, each to runs of its own; a killed one loses about its last second.
"""

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, or_, select

from descend.doctor.record import schema
from descend.doctor.record.database import FILE, connect, connect_to_read, is_url, may_write, transaction
from descend.doctor.record.decoding import intact, plain
from descend.doctor.record.loading import RunRow, environment, line, loaded
from descend.doctor.record.reading import Message, Reading
from descend.doctor.record.record import Record
from descend.doctor.record.writer import Writer, as_json, storable
from descend.doctor.redaction import cleaned
from descend.ground.errors import UsageError
from descend.ground.regular_files import is_own_file

TIMEOUT_S = 10.0  # how long a database that another process has locked is waited for
RANKS_APART_S = 300.0  # so long before rank 0 another rank of its job may have begun
LISTED = 20  # run numbers named in a message
LARGEST = 2**31 - 1  # number of a run that a database can hold
REPORTS = Path(".descend")  # where they lie when the runs are kept in a server's database


def open_store(where: Path | str, timeout_s: float = TIMEOUT_S) -> "Store":
    """Open the store in a folder, made where it is missing, or at a database URL.

    Raises `UsageError` when it cannot be written, is locked for longer than `timeout_s`, is not a database,
    or was written by a newer descend.
    """
    engine, name = connect(where, timeout_s)
    return Store(engine, name, REPORTS if is_url(where) else Path(where))


def open_existing(where: Path | str) -> "Store":
    """Open a store that is there already, to read it. Raises `UsageError` where it is not, and as `open_store` does."""
    if is_url(where):
        return open_store(where)
    if not os.path.exists(Path(where, FILE)):  # no error for a name that no file has
        raise UsageError(f"no runs are recorded in {where}; descend doctor SCRIPT makes one")
    if may_write(Path(where)):
        return open_store(where)
    engine, name = connect_to_read(Path(where), TIMEOUT_S)
    return Store(engine, name, Path(where))


class Store:
    """Every run, finding and trial that was kept. Its methods raise `UsageError` when the database fails."""

    def __init__(self, engine: Engine, where: str, folder: Path) -> None:
        self.engine = engine
        self.where = where  # for messages
        self.folder = folder  # for reports and patches
        self.has_begun = False  # whether a run could be entered
        self.failure = ""  # why something of a consultation could not be kept

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()

    def begin(self, record: Record) -> int:
        """Enter a run, give `record` its number and return it. Its measurements come through `writer`."""
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
            key = connection.execute(schema.runs.insert().values(row)).inserted_primary_key
        assert key is not None
        record.run = key[0]
        self.has_begun = True
        return record.run

    def folder_of(self, run: int) -> Path:
        """Return where a run's report and patches are written.

        Raises `UsageError` where it is a link or holds one, or a pipe or a device: a store that comes from elsewhere
        would have another file written.
        """
        folder = self.folder / str(run)
        for path in (folder, *(folder.iterdir() if folder.is_dir() else ())):
            if path.is_symlink() or (path.exists() and not path.is_dir() and not is_own_file(path)):
                raise UsageError(f"{path} is a link or no file, and reports are written into a store only: delete it")
        return folder

    def writer(self, run: int) -> Writer:
        """Return what brings a run's messages into the store; a run has one writer at a time."""
        return Writer(self.engine, self.where, run)

    def finish(self, record: Record) -> None:
        """Keep how the run ended, and the environment as it is known by now."""
        changes = {"environment": as_json(record.environment)}
        if record.ending:
            changes["ending"] = as_json(record.ending)
        with transaction(self.engine, self.where, write=True) as connection:
            self._check(connection, record.run)
            own = schema.runs.c.number == record.run
            connection.execute(schema.runs.update().where(own).values(changes))

    def save(self, record: Record) -> int:
        """Keep a whole record that was made without a writer; return its number."""
        self.begin(record)
        with self.writer(record.run) as writer:
            writer.add(_messages(record))
        if writer.failure:
            raise UsageError(writer.failure)
        return record.run

    def load(self, run: int) -> Record:
        """Return a run's record, equal to what was added; its ending is None when the run was cut off.

        Raises `UsageError` with the numbers there are when there is no such run.
        """
        with transaction(self.engine, self.where) as connection:
            row = self._check(connection, run)
            with intact(self._name(run)):
                return loaded(connection, row)

    def trial_runs(self, parent: int) -> dict[int, Record]:
        """Return the records of the trials' runs that were made for a run, by number, oldest first."""
        runs = schema.runs
        with transaction(self.engine, self.where) as connection:
            self._check(connection, parent)
            query = select(runs).where(runs.c.parent == parent, runs.c.role == "trial_run").order_by(runs.c.number)
            rows = connection.execute(query).all()
            with intact(self._name(parent)):
                return {row.number: loaded(connection, row) for row in rows}

    def ranks(self, record: Record) -> dict[int, bool]:
        """Return the runs of the other processes of a run's group, the newest of each: whether it has ended."""
        runs, job = schema.runs, cleaned(record.environment.get("job"))
        with transaction(self.engine, self.where) as connection:
            own = self._check(connection, record.run)
            query = select(runs).where(runs.c.role == "rank", runs.c.started >= _before(own.started, RANKS_APART_S))
            found = connection.execute(query.order_by(runs.c.number)).all()
            with intact(f"what the other ranks kept in {self.where}"):
                same = [row for row in found if environment(row).get("job") == job]
                newest = {environment(row)["rank"]: row for row in same}
            return {newest[rank].number: newest[rank].ending is not None for rank in sorted(newest, key=int)}

    def runs(self, roles: Sequence[str] = ("baseline", "watch")) -> list[RunRow]:
        """Return one line for each run in these roles, oldest first; not for what was examined on behalf of another."""
        runs, parts, findings = schema.runs, schema.parts, schema.findings
        last = select(func.max(parts.c.last_step)).where(parts.c.run == runs.c.number).scalar_subquery()
        found = select(func.count()).where(findings.c.run == runs.c.number).scalar_subquery()
        query = select(runs, last.label("last"), found.label("found"))
        with transaction(self.engine, self.where) as connection:
            own = or_(runs.c.parent.is_(None), runs.c.role != "baseline")
            rows = connection.execute(query.where(runs.c.role.in_(roles), own).order_by(runs.c.number)).all()
        return [line(row) for row in rows]

    def number(self, run: int | None) -> int:
        """Return a run's number as it is, or the last run's for None. Raises `UsageError` where there is none."""
        if run is not None:
            return run
        rows = self.runs()
        if not rows:
            raise UsageError("no runs are recorded yet; descend doctor SCRIPT makes one")
        return rows[-1].number

    def save_case(self, run: int, findings: Sequence[dict[str, Any]], trials: Sequence[dict[str, Any]]) -> None:
        """Keep what was found in a run and what was tried, in place of what was kept before.

        The dictionaries hold JSON values; a tuple comes back as a list.
        """
        tables = ((schema.findings, "rank", findings), (schema.trials, "position", trials))
        with transaction(self.engine, self.where, write=True) as connection:
            self._check(connection, run)
            for table, order, bodies in tables:
                connection.execute(table.delete().where(table.c.run == run))
                rows = [{"run": run, order: i, "body": as_json(body)} for i, body in enumerate(bodies)]
                if rows:
                    connection.execute(table.insert(), rows)

    def load_case(self, run: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return the findings (worst first) and the trials that were kept for a run."""
        with transaction(self.engine, self.where) as connection:
            self._check(connection, run)
            findings, trials = (
                connection.scalars(select(table.c.body).where(table.c.run == run).order_by(order)).all()
                for table, order in (
                    (schema.findings, schema.findings.c.rank),
                    (schema.trials, schema.trials.c.position),
                )
            )
        with intact(self._name(run)):
            return [plain(body, "finding") for body in findings], [plain(body, "trial") for body in trials]

    def _name(self, run: int) -> str:
        return f"run {run} in {self.where}"

    def _check(self, connection: Connection, run: int) -> Row[Any]:
        runs = schema.runs
        is_number = 0 < run <= LARGEST
        row = connection.execute(select(runs).where(runs.c.number == run)).first() if is_number else None
        if row is not None:
            return row
        query = select(runs.c.number).order_by(runs.c.number.desc()).limit(LISTED + 1)
        known = sorted(connection.scalars(query))
        if not known:
            raise UsageError(f"no run {run} in {self.where}: there are no runs yet")
        earlier = "… " if len(known) > LISTED else ""
        numbers = ", ".join(map(str, known[-LISTED:]))
        raise UsageError(f"no run {run} in {self.where}; there are {earlier}{numbers}")


def _before(started: str, seconds: float) -> str:
    return (datetime.fromisoformat(started) - timedelta(seconds=seconds)).isoformat(timespec="seconds")


def _messages(record: Record) -> Iterator[Message]:
    for (name, place), (steps, values) in record.readings.items():
        yield from (Reading(name, place, step, value) for step, value in zip(steps, values, strict=True))
    for facts in record.facts.values():
        yield from facts
    for others in (record.sites, record.effects, record.notes, record.costs.values()):
        yield from others
    if record.ending:
        yield record.ending
