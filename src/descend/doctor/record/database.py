"""Connections to the store's database, and one-line messages for database errors."""

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

from descend.core.errors import UsageError, reason_of
from descend.core.regular_files import is_link_or_special
from descend.core.temporary import temporary_folder
from descend.doctor.record.database_urls import require_plain
from descend.doctor.record.schema import SCHEMA, meta, metadata
from descend.doctor.redaction.private import create_file, make_private, make_store_folder

FILE = "descend.db"
LOGS = ("wal", "shm", "journal")  # suffixes of the extra files that SQLite keeps in the folder of a database
SCHEMA_NUMBER = re.compile(r"[0-9]{1,9}")
# A view or trigger in a database from an unknown source could run forever or delete what descend writes.
FOREIGN = "SELECT count(*) FROM sqlite_master WHERE type IN ('view', 'trigger')"
RETRY_S = 0.05  # seconds between attempts to enable the write-ahead log while other processes open the database

_CANNOT_OPEN = "{} cannot be opened; choose a writable folder with --store"
_LOCKED = "{} is locked by another process; wait for that process or choose another folder with --store"
_PLAIN = {  # messages for users, by SQLite's result code (https://sqlite.org/rescode.html)
    "SQLITE_READONLY": "{} is read-only; choose a writable folder with --store",
    "SQLITE_CANTOPEN": _CANNOT_OPEN,
    "SQLITE_PERM": _CANNOT_OPEN,
    "SQLITE_FULL": "{} cannot grow because the disk is full; free some space or choose another folder with --store",
    "SQLITE_IOERR": "{} cannot be written (disk error); check the disk or choose another folder with --store",
    "SQLITE_BUSY": _LOCKED,
    "SQLITE_LOCKED": _LOCKED,
    "SQLITE_PROTOCOL": _LOCKED,
    "SQLITE_NOTADB": "{} is not a database; move it away or choose another folder with --store",
    "SQLITE_CORRUPT": "{} is damaged; move it away or choose another folder with --store",
    "SQLITE_TOOBIG": "{} cannot store a value because it is too long",
}


def explain(error: Exception, where: str) -> str:
    """Return a one-line message for a database error: what is wrong with the database at `where`, and what to do."""
    code = result_code(error)
    for name, message in _PLAIN.items():
        if code == name or code.startswith(name + "_"):
            return message.format(where)
    lines = str(_unwrap_driver_error(error)).strip().splitlines() or [type(error).__name__]
    if lines[0].startswith("Could not decode"):  # SQLite has no error code for text in another encoding
        return f"{where} is damaged: {lines[0]}"
    return f"{where}: {lines[0]}"


def result_code(error: Exception) -> str:
    """Return the name of SQLite's result code for a database error; "" if the error is not SQLite's."""
    return getattr(_unwrap_driver_error(error), "sqlite_errorname", "")


def _unwrap_driver_error(error: Exception) -> BaseException:
    """Return the database driver's error if SQLAlchemy has wrapped one in `error`; otherwise `error` itself."""
    return error.orig if isinstance(error, DBAPIError) and error.orig else error


@contextmanager
def transaction(engine: Engine, where: str, *, write: bool = False) -> Iterator[Connection]:
    """Run the `with` block in one transaction. A database error undoes its changes and raises `UsageError`."""
    # A transaction that writes takes SQLite's write lock at its start. SQLite does not wait for a lock requested later.
    try:
        with engine.execution_options(descend_write=write).begin() as connection:
            yield connection
    except (sqlite3.Error, SQLAlchemyError) as error:
        raise UsageError(explain(error, where)) from None


def connect(where: Path | str, timeout_s: float) -> tuple[Engine, str]:
    """Connect to a store and create missing tables; return its engine and its name for messages, without password."""
    if is_url(where):
        engine, name = _engine_for_url(str(where), timeout_s)
    else:
        engine, name = _engine_for_folder(Path(where), timeout_s)
    try:
        _prepare_database(engine, name, timeout_s)
    except BaseException:
        engine.dispose()
        raise
    return engine, name


def has_write_permission(folder: Path) -> bool:
    """Return whether this process is allowed to write to a folder and to the database file in it."""
    return os.access(folder, os.W_OK, effective_ids=True) and os.access(folder / FILE, os.W_OK, effective_ids=True)


def connect_to_read(folder: Path, timeout_s: float) -> tuple[Engine, str]:
    """Connect to the store in a folder without writing to it; return its engine and its file's path."""
    # SQLite cannot read a write-ahead log in a read-only folder without its index file, so then a copy is read.
    path = folder / FILE
    if not os.access(path, os.R_OK, effective_ids=True):
        raise UsageError(f"{path} cannot be read: permission denied")
    log = path.with_name(f"{FILE}-wal")
    if not log.exists() or not log.stat().st_size:
        return _with_readable_version(_engine_with_option(path, "immutable=1", timeout_s), str(path))
    try:
        return _with_readable_version(_engine_with_option(path, "mode=ro", timeout_s), str(path))
    except UsageError:
        return _with_readable_version(_engine_of_copy(path, log, timeout_s), str(path))


def _with_readable_version(engine: Engine, name: str) -> tuple[Engine, str]:
    """Return `engine` and `name` if this version of descend can read the store. Otherwise raise `UsageError`."""
    try:
        _check_version(engine, name)
    except BaseException:
        engine.dispose()
        raise
    return engine, name


def _engine_with_option(path: Path, option: str, timeout_s: float) -> Engine:
    """Return an engine that opens a database file with one SQLite option, such as `mode=ro`."""
    key, _, value = option.partition("=")
    database = f"file:{quote(os.fspath(path.absolute()))}"
    return _create_sqlite_engine(URL.create("sqlite", database=database, query={key: value, "uri": "true"}), timeout_s)


def _engine_of_copy(path: Path, log: Path, timeout_s: float) -> Engine:
    """Return an engine for a temporary copy of a database file and its write-ahead log."""
    held = ExitStack()
    try:
        copy = held.enter_context(temporary_folder()) / FILE
        for original in (path, log):
            shutil.copyfile(original, copy.with_name(original.name))
    except OSError as error:
        held.close()
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    engine = _create_sqlite_engine(URL.create("sqlite", database=str(copy)), timeout_s)
    event.listen(engine, "engine_disposed", lambda _: held.close())
    return engine


def is_url(where: Path | str) -> bool:
    """Return whether a store is given by a database URL rather than a folder."""
    return isinstance(where, str) and "://" in where


def _engine_for_url(where: str, timeout_s: float) -> tuple[Engine, str]:
    """Return an engine for a database URL, and the name of the database in messages, without password."""
    scheme = where.split("://")[0]
    try:
        url = make_url(where)
        require_plain(url, where)
        if url.get_backend_name() == "sqlite":
            return _create_sqlite_engine(url, timeout_s), url.database or where
        return create_engine(url, pool_pre_ping=True), url.render_as_string(hide_password=True)
    except (ArgumentError, NoSuchModuleError, ValueError):
        # The messages of these errors may contain the password, so they are not shown.
        raise UsageError(
            f"not a database URL: {scheme}://…; write a folder, or postgresql+psycopg://host/database"
        ) from None
    except ModuleNotFoundError as error:
        raise UsageError(f"{scheme}://… needs the Python package {error.name}: install it") from None


def _engine_for_folder(folder: Path, timeout_s: float) -> tuple[Engine, str]:
    """Return an engine for the SQLite file in a folder, and the file's path. A missing folder is created."""
    try:
        make_store_folder(folder)
    except OSError as error:
        message = f"no store can be created in {folder}: {reason_of(error)}; choose another folder with --store"
        raise UsageError(message) from None
    path = folder / FILE
    for file in _database_files(path):
        if is_link_or_special(file):  # Writing to a link would overwrite another file.
            raise UsageError(f"{file} must be a regular file, but it is a link or a special file: delete it")
    url = URL.create("sqlite", database=os.fspath(path.absolute()))
    return _create_sqlite_engine(url, timeout_s), str(path)


def _database_files(path: Path) -> list[Path]:
    """Return the path of an SQLite database and the paths of its log files, whether they exist or not."""
    return [path, *(path.with_name(f"{path.name}-{log}") for log in LOGS)]


def _create_sqlite_engine(url: URL, timeout_s: float) -> Engine:
    """Return an engine for an SQLite file. A missing file is created."""
    engine = create_engine(url, connect_args={"timeout": timeout_s})
    if isinstance(engine.pool, SingletonThreadPool):
        raise UsageError(f"{url} is an in-memory database, which stores nothing; choose a folder instead")
    assert url.database
    create_file(Path(url.database))  # SQLite gives its log files the same permissions.
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _file_identity(path: str) -> tuple[int, int] | None:
    """Return the device and inode numbers of a file; None if it does not exist."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _on_connect(connection: Any, record: Any) -> None:
    """Configure a new SQLite connection, and store in `record` which file it has opened."""
    _, _, path = connection.execute("PRAGMA database_list").fetchone()
    record.info["file"] = path, _file_identity(path)
    connection.isolation_level = None  # `_on_begin` starts the transactions, so the sqlite3 module must not.
    connection.execute("PRAGMA synchronous=NORMAL")  # Committed data survive a crash of the process.


def _on_begin(connection: Connection) -> None:
    """Begin an SQLite transaction. Raises `UsageError` if the database file was deleted or replaced before a write."""
    write = connection.get_execution_options().get("descend_write")
    path, opened = connection.info["file"]
    if write and _file_identity(path) != opened:  # Otherwise SQLite would write to the deleted file.
        raise UsageError(f"{path} was deleted or replaced while descend was running, so the recorded data are lost")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _prepare_database(engine: Engine, where: str, timeout_s: float) -> None:
    """Check a database's version, restrict access to its files, and create missing tables."""
    # The check precedes all changes, because the database may belong to another program.
    is_ours = _check_version(engine, where)
    if engine.dialect.name == "sqlite":
        for file in _database_files(Path(str(engine.url.database))):
            make_private(file)
        _enable_write_ahead_log(engine, where, timeout_s)
    if not is_ours:
        _create_tables(engine, where)


def _check_version(engine: Engine, where: str) -> bool:
    """Return whether a database has a store's tables. Raises `UsageError` if a newer descend created them."""
    with transaction(engine, where) as connection:
        known = _read_version(connection, where)
    if known is not None and known > SCHEMA:
        raise UsageError(
            f"{where} was written by a newer version of descend (schema {known}; this version reads up to {SCHEMA}): "
            "upgrade descend or choose another folder with --store"
        )
    return known is not None


def _create_tables(engine: Engine, where: str) -> None:
    """Create the store's tables in an empty database. Another process may create them at the same time."""
    try:
        with transaction(engine, where, write=True) as connection:
            if _read_version(connection, where) is None:  # Otherwise another process has created the tables.
                metadata.create_all(connection)
                connection.execute(meta.insert().values(key="schema", value=str(SCHEMA)))
    except UsageError:
        with transaction(engine, where) as connection:
            # If two processes create the tables at once, a database server rejects the slower process.
            if _read_version(connection, where) is None:
                raise


def _read_version(connection: Connection, where: str) -> int | None:
    """Return a store's schema version; None for an empty database. Raises `UsageError` for a foreign database."""
    if connection.dialect.name == "sqlite" and connection.scalar(text(FOREIGN)):
        raise UsageError(f"{where} has views or triggers, so it is not a store of descend: choose another folder")
    if not (tables := inspect(connection).get_table_names()):
        return None
    query = select(meta.c.value).where(meta.c.key == "schema")
    value = connection.scalar(query) if meta.name in tables else None
    if value is None or not SCHEMA_NUMBER.fullmatch(str(value)):
        raise UsageError(f"{where} is a database of another program; choose another folder with --store")
    return int(value)


def _enable_write_ahead_log(engine: Engine, where: str, timeout_s: float) -> None:
    """Switch an SQLite database to a write-ahead log, so that readers and a writer do not wait for each other.

    SQLite does not wait for a lock here, so this is repeated. On a file system without shared memory the database
    keeps its journal.
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
