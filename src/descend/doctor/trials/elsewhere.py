"""What the runs read that no copy holds, data above all: it is looked at again after each run.

A run with other data is no pair to one before: a change ends the trials, and what is known until then is kept.
"""

import hashlib
import os
import stat
import tempfile
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from descend.doctor.record import Effect, Fact, Message, facts
from descend.doctor.script.sources import Sources
from descend.ground.temporary import PREFIX

CHEAP = 1 << 20  # bytes; a file up to this size is told by its contents where its time alone has changed,
CHEAP_IN_ALL = 64 << 20  # and so many of all files together

Stamp = tuple[int, int, int]


class Changed(Exception):
    """A file that the runs read is not what it was."""


@dataclass
class Elsewhere:
    """The files that were read, and how they stood then; several threads may ask."""

    sources: Sources | None = None  # what the copies hold, which nobody can change
    _known: dict[str, tuple[Stamp, str]] = field(default_factory=dict)
    _own: set[str] = field(default_factory=set)  # that the script itself writes
    _hashed: int = 0
    _looking: threading.Lock = field(default_factory=threading.Lock)

    def take(self, messages: Iterable[Message]) -> None:
        """Note what a run says that it reads, and what it writes itself."""
        for message in messages:
            if isinstance(message, Fact) and message.name == facts.name_of(facts.FileRead):
                self._note(message.place)
            elif isinstance(message, Effect) and not message.refused:
                self._own.add(message.target)

    @property
    def files(self) -> tuple[str, ...]:
        """The files that were read."""
        with self._looking:
            return tuple(self._known)

    def check(self) -> None:
        """Raise `Changed` where a file is not what it was."""
        with self._looking:
            for file, (stamp, digest) in self._known.items():
                if file in self._own or (now := _stamp(file)) == stamp:
                    continue
                if now is not None and digest and now[0] == stamp[0] and _digest(file) == digest:
                    self._known[file] = now, digest
                    continue
                happened = "is gone" if now is None else "was changed"
                words = "no more trials are made, since runs before and after that cannot be compared"
                raise Changed(f"{os.path.relpath(file)} {happened} meanwhile: {words}")

    def _note(self, file: str) -> None:
        with self._looking:
            if file in self._known or _is_ours(file) or (self.sources and self.sources.copied(file)):
                return
            stamp = _stamp(file)
            if stamp is None:
                return
            is_cheap = stamp[0] <= min(CHEAP, CHEAP_IN_ALL - self._hashed)
            self._hashed += stamp[0] if is_cheap else 0
            self._known[file] = stamp, _digest(file) if is_cheap else ""


def _is_ours(file: str) -> bool:
    """Whether a file lies in a temporary folder of ours."""
    path, top = Path(file), Path(tempfile.gettempdir())
    return path.is_relative_to(top) and path.relative_to(top).parts[0].lstrip(".").startswith(PREFIX)


def _stamp(file: str) -> Stamp | None:
    try:
        found = os.stat(file)
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns, found.st_ino) if stat.S_ISREG(found.st_mode) else None


def _digest(file: str) -> str:
    try:
        with open(file, "rb") as data:
            return hashlib.file_digest(data, "sha256").hexdigest()
    except OSError:
        return ""
