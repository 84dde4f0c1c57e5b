"""Files outside the scratch copies that the runs read, mostly data. They are checked for changes after each run.

Runs with different data cannot be compared. So a change ends the trials, and the results until then are kept.
"""

import hashlib
import os
import stat
import tempfile
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from descend.core.temporary import PREFIX
from descend.doctor.record import Effect, Fact, Message, facts
from descend.doctor.script.source_snapshot import SourceSnapshot

# Larger files are not hashed. They count as changed if their modification time has changed.
HASHED_BYTES = 1 << 20
HASHED_BYTES_IN_ALL = 64 << 20  # largest number of bytes of all hashed files together

Stamp = tuple[int, int, int]  # size in bytes, modification time in nanoseconds, inode


class ExternalFileChanged(Exception):
    """Raised if a file that the runs read has changed since it was first read."""


@dataclass
class ExternalFiles:
    """The files outside the scratch copies that runs have read, and their state at that time. Thread-safe."""

    sources: SourceSnapshot | None = None  # the files that are copied for the runs; the copies cannot change
    _known: dict[str, tuple[Stamp, str]] = field(default_factory=dict)
    _written: set[str] = field(default_factory=set)  # paths of files that the script itself has written
    _hashed_bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note_files(self, messages: Iterable[Message]) -> None:
        """Find out from the messages of a run which files it has read and written, and store their paths."""
        for message in messages:
            if isinstance(message, Fact) and message.name == facts.name_of(facts.FileRead):
                self._note_file(message.place)
            elif isinstance(message, Effect) and not (message.refused or message.redirected):
                self._written.add(message.target)

    @property
    def files(self) -> tuple[str, ...]:
        """The paths of the files that runs have read."""
        with self._lock:
            return tuple(self._known)

    def check(self) -> None:
        """Raise `ExternalFileChanged` if a file has changed since it was first read."""
        with self._lock:
            for file, (stamp, digest) in self._known.items():
                if file in self._written or (now := _file_stamp(file)) == stamp:
                    continue
                if now is not None and digest and now[0] == stamp[0] and _digest(file) == digest:
                    self._known[file] = now, digest
                    continue
                happened = "disappeared" if now is None else "was changed"
                raise ExternalFileChanged(
                    f"{os.path.relpath(file)} {happened} during the trials: "
                    "the trials end here, because runs before and after this change cannot be compared"
                )

    def _note_file(self, file: str) -> None:
        """Store the state of a file that a run has read, unless it is already stored or is one of descend's copies."""
        with self._lock:
            if file in self._known or _is_temporary(file) or (self.sources and self.sources.kept_content(file)):
                return
            stamp = _file_stamp(file)
            if stamp is None:
                return
            is_hashed = stamp[0] <= min(HASHED_BYTES, HASHED_BYTES_IN_ALL - self._hashed_bytes)
            self._hashed_bytes += stamp[0] if is_hashed else 0
            self._known[file] = stamp, _digest(file) if is_hashed else ""


def _is_temporary(file: str) -> bool:
    """Return whether a file is in one of descend's own temporary folders."""
    path, top = Path(file), Path(tempfile.gettempdir())
    return path.is_relative_to(top) and path.relative_to(top).parts[0].lstrip(".").startswith(PREFIX)


def _file_stamp(file: str) -> Stamp | None:
    """Return the size, modification time and inode of a file; None if the path is not a regular file."""
    try:
        found = os.stat(file)
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns, found.st_ino) if stat.S_ISREG(found.st_mode) else None


def _digest(file: str) -> str:
    """Return the SHA-256 digest of a file's contents; "" if it cannot be read."""
    try:
        with open(file, "rb") as data:
            return hashlib.file_digest(data, "sha256").hexdigest()
    except OSError:
        return ""
