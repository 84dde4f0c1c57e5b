"""Files and folders that nobody but their owner reads, whatever the umask is."""

import os
import stat
from contextlib import suppress
from pathlib import Path

from descend.ground.regular_files import replace_file

FOLDER, FILE = 0o700, 0o600


def make_folder(folder: Path) -> None:
    """Make a folder, and what is missing above it, for its owner alone; one that is there stays as it is.

    Raises `OSError` where it cannot be made.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        with suppress(FileExistsError):  # another process was quicker
            path.mkdir(mode=FOLDER)
            path.chmod(FOLDER)
    folder.mkdir(exist_ok=True)  # says what is wrong where it is no folder


def write_file(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, in place of whatever has its name. Raises `OSError`."""
    replace_file(path, data)


def create_file(path: Path) -> None:
    """Make an empty file that only its owner can read; what is there stays as it is."""
    with suppress(OSError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE))


def prepare_file(path: Path) -> None:
    """Let a file be there, empty where it is new, that its owner alone reads, for somebody else to write.

    One that others may write to is shared on purpose and left alone. Where nothing can be done, who writes will say so.
    """
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE)
        try:
            if not os.fstat(descriptor).st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                _close_to_others(descriptor)
        finally:
            os.close(descriptor)


def _close_to_others(descriptor: int) -> None:
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        with suppress(PermissionError):  # somebody else's, who lets us write
            os.fchmod(descriptor, FILE)
