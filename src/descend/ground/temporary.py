"""Temporary folders that are known to be somebody's for as long as he lives, and are swept by the next one after that.

Whoever makes one holds a lock on it, which the kernel lets go when the process ends, however it ends.
"""

import fcntl
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "descend-"  # of all files and folders of our own in other people's
_LOCKED = f"{PREFIX}run-"
_UNLOCKED = f".{_LOCKED}"  # while it is not locked yet: no other process takes it for left over


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a new folder, which is deleted afterwards with whatever has been locked in it. Raises `OSError`."""
    made = Path(tempfile.mkdtemp(prefix=_UNLOCKED)).resolve()
    held = _locked(made)
    folder = made.with_name(made.name.removeprefix("."))
    try:
        made = made.rename(folder)
        yield folder
    finally:
        delete(made)
        if held is not None:
            os.close(held)


def sweep() -> None:
    """Delete the folders of processes that could not do it themselves: killed ones, most of the time."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_LOCKED}*"):
        with suppress(OSError):
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
                continue
            held = _locked(folder)
            if held is not None:
                delete(folder)
                os.close(held)


def delete(top: Path) -> None:
    """Delete a folder with all that a script has left in it, locked and deeply nested folders included.

    No link is followed, not even one in the place of `top`. Never raises `OSError`.
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
        waiting += _emptied(folder, top)
        with suppress(OSError):
            folder.rmdir()
    with suppress(OSError):
        top.rmdir()


def _emptied(folder: Path, top: Path) -> list[Path]:
    """Delete the files in a folder; move the folders in it up into `top`, so that no path grows long; return these."""
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
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _locked(folder: Path) -> int | None:
    """Return a descriptor that holds the lock of a folder; None where somebody else does."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
