"""Report the files that the script reads, except installed ones, so that later changes of them can be noticed."""

import importlib.util
import os
import stat
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from descend.doctor.record import Fact, Message, facts, is_installed

MOST = 500  # at most this many files are reported for each process
SYSTEM = ("/proc/", "/sys/", "/dev/")
BYTECODE = ".pyc"
LIBRARY = ".so"


@contextmanager
def report_reads(original: Callable[[str], str], send: Callable[[Message], None]) -> Iterator[None]:
    """Send a message for each file that the script or its workers open for reading.

    original: returns the path in the user's tree for a path in the scratch copy.
    """
    reported = set[str]()
    own = tuple(f"{sysconfig.get_path(name)}/" for name in ("stdlib", "platstdlib"))
    active = True

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        """Send a message when a file is opened for reading for the first time."""
        if event != "open" or not active:
            return
        path, flags = arguments[0], arguments[2] or 0
        if not isinstance(path, str) or flags & (os.O_WRONLY | os.O_RDWR) or len(reported) >= MOST:
            return
        file = original(os.path.abspath(path))
        file = _source_of(file) if file.endswith(BYTECODE) else file
        if file in reported or file.startswith((*SYSTEM, *own)) or file.endswith(LIBRARY) or is_installed(file):
            return
        if _is_file(file):
            reported.add(file)
            send(Fact.of(facts.FileRead(), 0, file))

    sys.addaudithook(hook)
    try:
        yield
    finally:
        active = False  # switches the hook off, because an audit hook cannot be removed


def _source_of(file: str) -> str:
    """Return the source file of a bytecode file, because python does not open an unchanged source file."""
    try:
        return importlib.util.source_from_cache(file)
    except ValueError:
        return file


def _is_file(file: str) -> bool:
    """Return whether a path is a regular file."""
    try:
        return stat.S_ISREG(os.stat(file).st_mode)
    except (OSError, ValueError):
        return False
