"""Temporary folders that a later process deletes if their owner was killed.

The process that creates a folder holds a lock on it. The kernel releases the lock when the process ends.
"""

import fcntl
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "descend-"  # prefix of the names of all files that descend creates in folders shared with other programs
_LOCKED = f"{PREFIX}run-"
_UNLOCKED = f".{_LOCKED}"  # prefix of the name of a new folder until it is locked, so that no other process deletes it


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a new temporary folder. Delete it afterwards, including read-only files. Raises `OSError`."""
    made = Path(tempfile.mkdtemp(prefix=_UNLOCKED)).resolve()
    held = _lock(made)
    folder = made.with_name(made.name.removeprefix("."))
    try:
        made = made.rename(folder)
        yield folder
    finally:
        delete_folder(made)
        if held is not None:
            os.close(held)


def is_in_temporary_folder(file: Path) -> bool:
    """Return whether a file is directly in a folder of `temporary_folder`, which may have been deleted since."""
    return file.parent.name.startswith(_LOCKED) and file.parent.parent == Path(tempfile.gettempdir()).resolve()


def delete_leftover_folders() -> None:
    """Delete the temporary folders of those descend processes that were killed before they could delete them."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_LOCKED}*"):
        with suppress(OSError):
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
                continue
            held = _lock(folder)
            if held is not None:
                delete_folder(folder)
                os.close(held)


def delete_folder(top: Path) -> None:
    """Delete the folder `top` with all its contents, including read-only and deeply nested folders.

    No link is followed, not even if `top` is one. Never raises `OSError`.
    """
    if not _is_folder(top):
        with suppress(OSError):
            top.unlink()
        return
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        with suppress(OSError):
            folder.chmod(stat.S_IRWXU)
        waiting += _empty_folder(folder, top)
        with suppress(OSError):
            folder.rmdir()
    with suppress(OSError):
        top.rmdir()


def _empty_folder(folder: Path, top: Path) -> list[Path]:
    """Delete the files in a folder and move its subfolders to the folder `top`, which keeps paths short.

    Return the new paths of the moved subfolders.
    """
    lifted = []
    with suppress(OSError):
        for found in list(os.scandir(folder)):
            with suppress(OSError):
                if found.is_dir(follow_symlinks=False):
                    target = top / f"{PREFIX}{secrets.token_hex(8)}"
                    os.rename(found, target)
                    lifted.append(target)
                else:
                    os.unlink(found)
    return lifted


def _is_folder(path: Path) -> bool:
    """Return whether a path is a folder, and not a link to a folder."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _lock(folder: Path) -> int | None:
    """Lock a folder and return the file descriptor that holds the lock; None if another process holds the lock."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
