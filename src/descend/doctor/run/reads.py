"""Which files the script reads, installed ones left out: those that no copy holds must stay what they are."""

import importlib.util
import os
import stat
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from descend.doctor.record import Fact, Message, facts, is_installed

MOST = 500  # files of one process; of a larger set the first ones stand for all
SYSTEM = ("/proc/", "/sys/", "/dev/")
BYTECODE = ".pyc"
LIBRARY = ".so"


@contextmanager
def noting_reads(original: Callable[[str], str], tell: Callable[[Message], None]) -> Iterator[None]:
    """Tell each file that is opened for reading, in workers too; `original` names it in the user's tree."""
    told = set[str]()
    own = tuple(f"{sysconfig.get_path(name)}/" for name in ("stdlib", "platstdlib"))
    active = True

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open" or not active:
            return
        path, flags = arguments[0], arguments[2] or 0
        if not isinstance(path, str) or flags & (os.O_WRONLY | os.O_RDWR) or len(told) >= MOST:
            return
        file = original(os.path.abspath(path))
        file = _source_of(file) if file.endswith(BYTECODE) else file
        if file in told or file.startswith((*SYSTEM, *own)) or file.endswith(LIBRARY) or is_installed(file):
            return
        if _is_file(file):
            told.add(file)
            tell(Fact.of(facts.FileRead(), 0, file))

    sys.addaudithook(hook)
    try:
        yield
    finally:
        active = False  # a hook cannot be taken away


def _source_of(file: str) -> str:
    """Return the source that bytecode is of: it is only looked at where it has changed."""
    try:
        return importlib.util.source_from_cache(file)
    except ValueError:
        return file


def _is_file(file: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(file).st_mode)
    except (OSError, ValueError):
        return False
