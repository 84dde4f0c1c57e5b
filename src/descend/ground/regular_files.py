"""Regular files, read and written so that a path from elsewhere can neither block a command nor change another file.

A store or a project may come from anywhere: a pipe in place of a file blocks its reader, /dev/zero has no end,
/proc/kcore has the size of the address space, and a link or a second name leads to another file.
"""

import errno
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

LARGEST = 64 << 20  # bytes of a source or of a patched file; what is larger holds data


def read_regular(path: Path | str, most: int = LARGEST) -> bytes:
    """Return a regular file's bytes, no more than its size says. Raises `OSError` for anything else, or larger."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # opening a pipe waits for its other end
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        if found.st_size > most:
            raise OSError(errno.EFBIG, f"larger than {most >> 20} MB", str(path))
        return file.read(found.st_size)


def is_own_file(path: Path | str) -> bool:
    """Whether a path is a regular file without a second name, so that writing to it changes no other file."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1


def replace_file(path: Path, data: bytes) -> None:
    """Write a file that its owner alone can read, whole or not at all. Raises `OSError`.

    The data go into a new file, which then takes the name: whatever had it, a link or a second name, is not written to.
    """
    descriptor, partial = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)  # mode 0600
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
        os.replace(partial, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(partial)
        raise
