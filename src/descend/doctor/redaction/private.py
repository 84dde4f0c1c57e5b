"""Create files and folders that only their owner can read, whatever the umask is."""

import os
import stat
from contextlib import suppress
from pathlib import Path

from descend.core.errors import UsageError, reason_of

FOLDER, FILE = 0o700, 0o600  # permissions of a folder and of a file to which only the owner has access


def make_folder(folder: Path) -> None:
    """Create a folder and its missing parents, and give access only to their owner. Existing folders are not changed.

    Raises `OSError` if it cannot be created.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        with suppress(FileExistsError):  # Another process may create the folder in the meantime.
            path.mkdir(mode=FOLDER)
            path.chmod(FOLDER)
    folder.mkdir(exist_ok=True)  # This raises an error if the path exists but is not a folder.


def make_store_folder(folder: Path) -> None:
    """Create the folder of a store. If it is new, git ignores its contents, which may be private.

    Raises `OSError` if it cannot be created.
    """
    is_new = not folder.exists()
    make_folder(folder)
    if is_new:
        with suppress(OSError):  # A store without this file works as well.
            create_file(folder / ".gitignore")
            (folder / ".gitignore").write_text("*\n")


def create_file(path: Path) -> None:
    """Create an empty file that only its owner can read; an existing file is not changed."""
    with suppress(OSError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE))


def make_private(path: Path) -> None:
    """Let only the owner read a file. A file that other users may write to is shared on purpose and not changed.

    The file is not opened, because closing it would release SQLite's locks on it in this process (fcntl(2)).
    """
    with suppress(OSError):  # If the permissions cannot be changed, the caller's write to the file will report why.
        mode = os.lstat(path).st_mode
        if stat.S_ISREG(mode) and not mode & (stat.S_IWGRP | stat.S_IWOTH) and stat.S_IMODE(mode) != FILE:
            os.chmod(path, FILE)


def require_file(path: Path) -> None:
    """Create a file of a store and its folders, for their owner only. Raise `UsageError` if it cannot be written."""
    try:
        make_folder(path.parent)
        path.touch(FILE)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {reason_of(error)}; choose another folder with --store") from None
