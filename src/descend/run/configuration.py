"""Which files of settings the script reads: a number of theirs may be the place of a patch."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from descend.record import is_installed
from descend.record.reading import Fact

SUFFIXES = (".yaml", ".yml", ".json")
LARGEST = 100_000  # bytes; what is larger holds data
MOST = 16  # files; a script that reads more of them reads its data so


@contextmanager
def noting_configuration(original: Callable[[str], str], send: Callable[[list[Any]], None]) -> Iterator[None]:
    """Send a fact for each file of settings that is opened for reading; `original` names it in the user's tree."""
    process, told = os.getpid(), set[str]()
    active = True

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open" or not active:
            return
        path, flags = arguments[0], arguments[2] or 0
        if not isinstance(path, str) or not path.endswith(SUFFIXES) or flags & (os.O_WRONLY | os.O_RDWR):
            return
        file = original(os.path.abspath(path))
        if file in told or len(told) >= MOST or is_installed(file) or os.getpid() != process:
            return
        if 0 < _size(file) <= LARGEST:
            told.add(file)
            send([Fact("configuration", file, 0, {})])

    sys.addaudithook(hook)
    try:
        yield
    finally:
        active = False  # a hook cannot be taken away


def _size(file: str) -> int:
    try:
        return Path(file).stat().st_size
    except OSError:
        return 0
