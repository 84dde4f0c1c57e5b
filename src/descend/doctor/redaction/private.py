"""Files and folders that nobody but their owner reads, whatever the umask is."""

import os
import stat
from contextlib import suppress
from pathlib import Path

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


def create_file(path: Path) -> None:
    """Make an empty file that only its owner can read; what is there stays as it is."""
    with suppress(OSError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE))


def prepare_file(path: Path) -> None:
    """Create an empty file if it is missing, and let only the owner read it, before another library writes it."""
    create_file(path)
    close_to_others(path)


def close_to_others(path: Path) -> None:
    """Let only the owner read a file; one that others may write to is shared on purpose and left alone.

    The file is not opened: to close it would release the locks that SQLite holds on it in this process (fcntl(2)).
    """
    with suppress(OSError):  # where nothing can be done, the process that writes will fail and say so
        mode = os.lstat(path).st_mode
        if stat.S_ISREG(mode) and not mode & (stat.S_IWGRP | stat.S_IWOTH) and stat.S_IMODE(mode) != FILE:
            os.chmod(path, FILE)
