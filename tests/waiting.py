"""Waiting for what another process is to do."""

import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def comes(condition: Callable[[], Any], within: float = 60, of: subprocess.Popen | None = None) -> Any:
    """Return what the condition gives once that is true, or in the end; `of` a process: not beyond its end."""
    until = time.monotonic() + within
    while not (found := condition()) and time.monotonic() < until and (of is None or of.poll() is None):
        time.sleep(0.05)
    return found


def has_rows(database: Path, table: str) -> bool:
    """Whether a table of a SQLite database holds rows; not while the table does not exist yet."""
    connection = sqlite3.connect(database)
    try:
        return bool(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()
