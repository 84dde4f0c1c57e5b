"""The user's source files as they were when the doctor began, so that every run uses the same sources.

The entries of a folder and the contents of its Python and settings files are read once and kept. A file that the user
edits, deletes or creates during a consultation does not change the runs.
"""

import os
import stat
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from descend.core.regular_files import read_regular_file
from descend.core.temporary import PREFIX

CODE = ".py"
SETTINGS = (".yaml", ".yml", ".json", ".toml", ".ini", ".cfg")
LARGEST_SETTINGS = 100_000  # largest number of bytes of a settings file; larger files hold data
MOST_SETTINGS = 64  # largest number of settings files in one folder; if a folder has more, they contain data
MOST_BYTES = 64 << 20  # largest number of bytes kept in memory; further files are read from disk when they are needed


@dataclass(frozen=True)
class FolderEntry:
    """One entry of a folder: a file, a folder or a link."""

    path: str
    is_folder: bool
    is_file: bool  # whether the entry is a regular file; a symbolic link to a file does not count
    target: str | None  # target of a symbolic link; None for an entry that is not a link

    @property
    def name(self) -> str:
        """Return the last component of the entry's path."""
        return os.path.basename(self.path)


@dataclass(frozen=True)
class FileContent:
    """The bytes, mode and times of a file."""

    data: bytes
    mode: int
    times: tuple[int, int]  # times of last access and last modification in nanoseconds


class SourceSnapshot:
    """The folders and files of the user that have been read so far. Methods may be called from several threads."""

    def __init__(self) -> None:
        self._folders: dict[str, list[FolderEntry]] = {}
        self._copied: dict[str, FileContent | None] = {}  # contents of files that are written into scratch copies
        self._read: dict[str, bytes] = {}  # contents of files that were only read for an edit
        self._bytes_left = MOST_BYTES
        self._lock = threading.RLock()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=threading.RLock())

    def list_folder(self, folder: Path) -> list[FolderEntry]:
        """Return the entries that a folder had when it was first read; none if it did not exist. Raises `OSError`."""
        key = os.path.abspath(folder)
        with self._lock:
            if key not in self._folders:
                self._folders[key] = scan_folder(folder) if os.path.lexists(folder) else []
                self._keep_sources(self._folders[key])
            return self._folders[key]

    def kept_content(self, path: str) -> FileContent | None:
        """Return the stored content of a file for scratch copies; None if a copy must read the file from disk."""
        return self._copied.get(path)

    def has_file(self, file: Path) -> bool:
        """Return whether a file existed when it or its folder was first read."""
        key = os.path.abspath(file)
        known = self._folders.get(os.path.dirname(key))
        if known is not None:
            return any(entry.path == key for entry in known)
        return key in self._read or file.is_file()

    def read(self, file: Path) -> bytes:
        """Return the bytes that a file had when it was first read. Raises `OSError`."""
        key = os.path.abspath(file)
        kept = self.kept_content(key)
        if kept is not None:
            return kept.data
        with self._lock:
            if key not in self._read:
                self._read[key] = read_regular_file(file)
            return self._read[key]

    def keep_content(self, path: str) -> FileContent | None:
        """Read and store the content of a file for scratch copies; return None if it is unreadable or too large."""
        with self._lock:
            if self._copied.get(path) is None:
                self._copied[path] = self._read_content(path)
            return self._copied[path]

    def _keep_sources(self, entries: Sequence[FolderEntry]) -> None:
        """Store the contents of a folder's Python files, and of its settings files unless there are too many."""
        files = [entry for entry in entries if entry.is_file]
        settings = [entry for entry in files if entry.name.endswith(SETTINGS)]
        chosen = [entry for entry in files if entry.name.endswith(CODE)]
        chosen += settings if len(settings) <= MOST_SETTINGS else []
        for entry in chosen:
            self.keep_content(entry.path)

    def _read_content(self, path: str) -> FileContent | None:
        """Return a file's content; None if the file cannot be read, is not a regular file or is too large."""
        try:
            with open(path, "rb") as file:
                found = os.fstat(file.fileno())
                limit = LARGEST_SETTINGS if path.endswith(SETTINGS) else MOST_BYTES
                if not stat.S_ISREG(found.st_mode) or found.st_size > min(limit, self._bytes_left):
                    return None
                data = file.read()
        except OSError:
            return None
        self._bytes_left -= len(data)
        return FileContent(data, stat.S_IMODE(found.st_mode), (found.st_atime_ns, found.st_mtime_ns))


def scan_folder(folder: Path) -> list[FolderEntry]:
    """Return the entries of a folder, without the temporary folders of `descend`. Raises `OSError`."""
    is_temporary = os.path.samefile(folder, tempfile.gettempdir())
    with os.scandir(folder) as found:
        return [
            _to_folder_entry(e)
            for e in found
            if not (is_temporary and e.name.lstrip(".").startswith(PREFIX) and e.is_dir(follow_symlinks=False))
        ]


def _to_folder_entry(found: "os.DirEntry[str]") -> FolderEntry:
    """Convert an entry from `os.scandir` to a `FolderEntry`."""
    target = os.readlink(found.path) if found.is_symlink() else None
    return FolderEntry(found.path, found.is_dir(follow_symlinks=False), found.is_file(follow_symlinks=False), target)
