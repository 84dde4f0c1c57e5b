"""One connection to the store's database, and what goes wrong with databases said in one line."""

import os
import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import SingletonThreadPool

from descend.doctor.record.schema import SCHEMA, meta, metadata
from descend.doctor.redaction.private import close_to_others, create_file, make_folder
from descend.ground.errors import UsageError, reason_of
from descend.ground.regular_files import is_own_file
from descend.ground.temporary import temporary_folder

FILE = "descend.db"
LOGS = ("wal", "shm", "journal")  # that SQLite keeps next to a database, under its name
SCHEMA_NUMBER = re.compile(r"[0-9]{1,9}")
# In a store from elsewhere one of them would compute without an end, or delete what is written.
FOREIGN = "SELECT count(*) FROM sqlite_master WHERE type IN ('view', 'trigger')"
RETRY_S = 0.05  # between attempts to switch a database that others are opening to its write-ahead log

_PLAIN = {  # SQLite's result codes, https://sqlite.org/rescode.html, in a user's words
    "SQLITE_READONLY": "is read-only; give --store a folder that can be written",
    "SQLITE_CANTOPEN": "cannot be opened; give --store a folder that can be written",
    "SQLITE_PERM": "cannot be opened; give --store a folder that can be written",
    "SQLITE_FULL": "cannot grow: the disk is full; free some space or give --store another folder",
    "SQLITE_IOERR": "cannot be written (disk error); check the disk or give --store another folder",
    "SQLITE_BUSY": "is locked by another process; wait for it or give --store another folder",
    "SQLITE_LOCKED": "is locked by another process; wait for it or give --store another folder",
    "SQLITE_PROTOCOL": "is locked by another process; wait for it or give --store another folder",
    "SQLITE_NOTADB": "is not a database; move it away or give --store another folder",
    "SQLITE_CORRUPT": "is damaged; move it away or give --store another folder",
    "SQLITE_TOOBIG": "cannot hold a value this long",
}


def explain(error: Exception, where: str) -> str:
    """Return one line on what is wrong with the database at `where` and what to do."""
    code = result_code(error)
    for name, words in _PLAIN.items():
        if code == name or code.startswith(name + "_"):
            return f"{where} {words}"
    lines = str(_cause(error)).strip().splitlines() or [type(error).__name__]
    if lines[0].startswith("Could not decode"):  # a text in another encoding; SQLite has no code for it
        return f"{where} is damaged: {lines[0]}"
    return f"{where}: {lines[0]}"


def result_code(error: Exception) -> str:
    """Return SQLite's name for what went wrong; "" when it was not SQLite."""
    return getattr(_cause(error), "sqlite_errorname", "")


def _cause(error: Exception) -> BaseException:
    return error.orig if isinstance(error, DBAPIError) and error.orig else error


@contextmanager
def transaction(engine: Engine, where: str, *, write: bool = False) -> Iterator[Connection]:
    """Run the block in one transaction. Raises `UsageError`, and changes nothing, when the database fails.

    A writing transaction takes SQLite's write lock at its start: a lock taken half-way cannot be waited for.
    """
    try:
        with engine.execution_options(descend_write=write).begin() as connection:
            yield connection
    except (sqlite3.Error, SQLAlchemyError) as error:
        raise UsageError(explain(error, where)) from None


def connect(where: Path | str, timeout_s: float) -> tuple[Engine, str]:
    """Return an engine whose tables exist, and the database's name for messages (without its password)."""
    if is_url(where):
        engine, name = _server(str(where), timeout_s)
    else:
        engine, name = _file(Path(where), timeout_s)
    try:
        _prepare(engine, name, timeout_s)
    except BaseException:
        engine.dispose()
        raise
    return engine, name


def may_write(folder: Path) -> bool:
    """Whether the database in a folder may be written; what lies beside it belongs to it."""
    return os.access(folder, os.W_OK, effective_ids=True) and os.access(folder / FILE, os.W_OK, effective_ids=True)


def connect_to_read(folder: Path, timeout_s: float) -> tuple[Engine, str]:
    """Return an engine for a database that may only be read, and its name for messages; nothing is written there.

    What stands in a write-ahead log that nobody may share (its index is gone) is read in a copy.
    """
    path = folder / FILE
    if not os.access(path, os.R_OK, effective_ids=True):
        raise UsageError(f"{path} cannot be read: permission denied")
    log = path.with_name(f"{FILE}-wal")
    if not log.exists() or not log.stat().st_size:
        return _checked(_uri(path, "immutable=1", timeout_s), str(path))
    try:
        return _checked(_uri(path, "mode=ro", timeout_s), str(path))
    except UsageError:
        return _checked(_copied(path, log, timeout_s), str(path))


def _checked(engine: Engine, name: str) -> tuple[Engine, str]:
    try:
        _check_version(engine, name)
    except BaseException:
        engine.dispose()
        raise
    return engine, name


def _uri(path: Path, how: str, timeout_s: float) -> Engine:
    key, _, value = how.partition("=")
    database = f"file:{quote(os.fspath(path.absolute()))}"
    return _sqlite(URL.create("sqlite", database=database, query={key: value, "uri": "true"}), timeout_s)


def _copied(path: Path, log: Path, timeout_s: float) -> Engine:
    held = ExitStack()
    try:
        copy = held.enter_context(temporary_folder()) / FILE
        for original in (path, log):
            shutil.copyfile(original, copy.with_name(original.name))
    except OSError as error:
        held.close()
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    engine = _sqlite(URL.create("sqlite", database=str(copy)), timeout_s)
    event.listen(engine, "engine_disposed", lambda _: held.close())
    return engine


def is_url(where: Path | str) -> bool:
    """Whether a store is named by a database's URL, and not by a folder."""
    return isinstance(where, str) and "://" in where


def _server(where: str, timeout_s: float) -> tuple[Engine, str]:
    scheme = where.split("://")[0]
    try:
        url = make_url(where)
        if url.get_backend_name() == "sqlite":
            return _sqlite(url, timeout_s), url.database or where
        return create_engine(url, pool_pre_ping=True), url.render_as_string(hide_password=True)
    except (ArgumentError, NoSuchModuleError, ValueError):  # a port that is no number; the texts may hold the password
        raise UsageError(
            f"not a database URL: {scheme}://…; write a folder, or postgresql+psycopg://host/database"
        ) from None
    except ModuleNotFoundError as error:
        raise UsageError(f"{scheme}://… needs the Python package {error.name}: install it") from None


def _file(folder: Path, timeout_s: float) -> tuple[Engine, str]:
    try:
        make_folder(folder)
    except OSError as error:
        raise UsageError(f"no store can be made in {folder}: {reason_of(error)}; give --store another folder") from None
    path = folder / FILE
    for file in _files(path):
        if os.path.lexists(file) and not is_own_file(file):  # else another file would be overwritten
            raise UsageError(f"{file} is a link or no file, and runs are kept in a store's own files only: delete it")
    url = URL.create("sqlite", database=os.fspath(path.absolute()))
    return _sqlite(url, timeout_s), str(path)


def _files(path: Path) -> list[Path]:
    """Return a database's file and those that SQLite keeps next to it."""
    return [path, *(path.with_name(f"{path.name}-{log}") for log in LOGS)]


def _sqlite(url: URL, timeout_s: float) -> Engine:
    engine = create_engine(url, connect_args={"timeout": timeout_s})
    if isinstance(engine.pool, SingletonThreadPool):
        raise UsageError(f"{url} is a database in memory, which keeps nothing: name a folder")
    assert url.database
    create_file(Path(url.database))  # its log and its shared memory are made like it
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _identity(path: str) -> tuple[int, int] | None:
    """Return what identifies a file among others of the same name; None without a file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _on_connect(connection: Any, record: Any) -> None:
    _, _, path = connection.execute("PRAGMA database_list").fetchone()
    record.info["file"] = path, _identity(path)
    connection.isolation_level = None  # transactions are begun below, not guessed from the statements
    connection.execute("PRAGMA synchronous=NORMAL")  # a crash of the process loses nothing that was committed


def _on_begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("descend_write")
    path, opened = connection.info["file"]
    if write and _identity(path) != opened:  # SQLite would write into a file that has no name any more
        raise UsageError(f"{path} was deleted or replaced while descend ran, and what was in it is lost")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _prepare(engine: Engine, where: str, timeout_s: float) -> None:
    is_ours = _check_version(engine, where)  # before anything is changed: it may be a database of another program
    if engine.dialect.name == "sqlite":
        for file in _files(Path(str(engine.url.database))):
            close_to_others(file)
        _write_ahead(engine, where, timeout_s)
    if not is_ours:
        _create(engine, where)


def _check_version(engine: Engine, where: str) -> bool:
    """Return whether there are tables. Raises `UsageError` where they are of a newer descend."""
    with transaction(engine, where) as connection:
        known = _version(connection, where)
    if known is not None and known > SCHEMA:
        raise UsageError(
            f"{where} was written by a newer descend (schema {known}; this one knows {SCHEMA}): "
            "upgrade descend or give --store another folder"
        )
    return known is not None


def _create(engine: Engine, where: str) -> None:
    try:
        with transaction(engine, where, write=True) as connection:
            if _version(connection, where) is None:  # else another process was quicker
                metadata.create_all(connection)
                connection.execute(meta.insert().values(key="schema", value=str(SCHEMA)))
    except UsageError:
        with transaction(engine, where) as connection:
            if _version(connection, where) is None:  # a server lets two create at once, and refuses one
                raise


def _version(connection: Connection, where: str) -> int | None:
    known = inspect(connection)
    if connection.dialect.name == "sqlite" and connection.scalar(text(FOREIGN)):
        raise UsageError(f"{where} has views or triggers, which no store has: give --store another folder")
    tables = known.get_table_names()
    if not tables:
        return None
    value = None
    if meta.name in tables:
        value = connection.scalar(select(meta.c.value).where(meta.c.key == "schema"))
    if value is None or not SCHEMA_NUMBER.fullmatch(str(value)):
        raise UsageError(f"{where} is a database of another program; give --store another folder")
    return int(value)


def _write_ahead(engine: Engine, where: str, timeout_s: float) -> None:
    """Switch to the write-ahead log, so that readers and one writer never wait for each other.

    SQLite does not wait for a lock here, hence the loop. A file system without shared memory stays as it is.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            connection = engine.raw_connection()
            try:
                connection.cursor().execute("PRAGMA journal_mode=WAL")
            finally:
                connection.close()
            return
        except (sqlite3.Error, SQLAlchemyError) as error:
            busy = result_code(error).startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
            if not busy or time.monotonic() > deadline:
                raise UsageError(explain(error, where)) from None
        time.sleep(RETRY_S)
