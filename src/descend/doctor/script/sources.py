"""The user's sources as they stood when the doctor began: what was seen first is what every run is made of.

A folder's entries and the bytes of Python and settings files are kept when they are first looked at. A file that is
edited, deleted or made meanwhile changes nothing any more.
"""

import os
import stat
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from descend.ground.regular_files import read_regular
from descend.ground.temporary import PREFIX

CODE = ".py"
SETTINGS = (".yaml", ".yml", ".json", ".toml", ".ini", ".cfg")
LARGEST_SETTINGS = 100_000  # bytes; what is larger holds data
MOST_SETTINGS = 64  # in one folder; more of them are data
MOST_BYTES = 64 << 20  # of all that is kept; what comes after that is read where it lies


@dataclass(frozen=True)
class Entry:
    """What stands in a folder."""

    path: str
    is_folder: bool
    is_file: bool  # and no link to one
    target: str | None  # of a link

    @property
    def name(self) -> str:
        """Its last name."""
        return os.path.basename(self.path)


@dataclass(frozen=True)
class Kept:
    """A file's bytes, its mode and its times."""

    data: bytes
    mode: int
    times: tuple[int, int]  # of the last access and of the last change, in nanoseconds


class Sources:
    """What was seen of the user's files; several threads may ask."""

    def __init__(self) -> None:
        self._folders: dict[str, list[Entry]] = {}
        self._copied: dict[str, Kept | None] = {}  # what the copies hold
        self._read: dict[str, bytes] = {}  # what else was read for an edit
        self._room = MOST_BYTES
        self._looking = threading.RLock()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_looking"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _looking=threading.RLock())

    def entries(self, folder: Path) -> list[Entry]:
        """Return what stood in a folder when it was first looked at. Raises `OSError`."""
        key = os.path.abspath(folder)
        with self._looking:
            if key not in self._folders:
                self._folders[key] = scan(folder)
                self._take(self._folders[key])
            return self._folders[key]

    def copied(self, path: str) -> Kept | None:
        """Return what every copy holds of a file in a folder looked at; None where it is read where it lies."""
        return self._copied.get(path)

    def has(self, file: Path) -> bool:
        """Whether a file was there."""
        key = os.path.abspath(file)
        known = self._folders.get(os.path.dirname(key))
        return file.is_file() if known is None else any(entry.path == key for entry in known)

    def read(self, file: Path) -> bytes:
        """Return a file's bytes as they were when they were first asked for. Raises `OSError`."""
        key = os.path.abspath(file)
        kept = self.copied(key)
        if kept is not None:
            return kept.data
        with self._looking:
            if key not in self._read:
                self._read[key] = read_regular(file)
            return self._read[key]

    def keep(self, path: str) -> Kept | None:
        """Keep a file for the copies, whatever its name; None where it cannot be read, or where there is no room."""
        with self._looking:
            if self._copied.get(path) is None:
                self._copied[path] = self._whole(path)
            return self._copied[path]

    def _take(self, entries: Sequence[Entry]) -> None:
        files = [entry for entry in entries if entry.is_file]
        settings = [entry for entry in files if entry.name.endswith(SETTINGS)]
        chosen = [entry for entry in files if entry.name.endswith(CODE)]
        chosen += settings if len(settings) <= MOST_SETTINGS else []
        for entry in chosen:
            self.keep(entry.path)

    def _whole(self, path: str) -> Kept | None:
        try:
            with open(path, "rb") as file:
                found = os.fstat(file.fileno())
                limit = LARGEST_SETTINGS if path.endswith(SETTINGS) else MOST_BYTES
                if not stat.S_ISREG(found.st_mode) or found.st_size > min(limit, self._room):
                    return None
                data = file.read()
        except OSError:
            return None
        self._room -= len(data)
        return Kept(data, stat.S_IMODE(found.st_mode), (found.st_atime_ns, found.st_mtime_ns))


def scan(folder: Path) -> list[Entry]:
    """Return what stands in a folder, without our own temporary ones. Raises `OSError`."""
    is_temporary = os.path.samefile(folder, tempfile.gettempdir())
    with os.scandir(folder) as found:
        return [
            _entry(e)
            for e in found
            if not (is_temporary and e.name.lstrip(".").startswith(PREFIX) and e.is_dir(follow_symlinks=False))
        ]


def _entry(found: "os.DirEntry[str]") -> Entry:
    target = os.readlink(found.path) if found.is_symlink() else None
    return Entry(found.path, found.is_dir(follow_symlinks=False), found.is_file(follow_symlinks=False), target)
