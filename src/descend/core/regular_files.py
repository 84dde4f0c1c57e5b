"""Safe reading and writing of regular files at paths that may come from an untrusted store or project.

A pipe in place of a file blocks its reader, /dev/zero has no end, /proc/kcore has the size of the address space, and a
symbolic or hard link leads to another file.
"""

import errno
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

LARGEST = 64 << 20  # largest size in bytes of a file that is read as source code; larger files are assumed to be data


def read_regular_file(path: Path | str, most: int = LARGEST) -> bytes:
    """Return the bytes of a regular file. Raises `OSError` for a pipe, a device or more than `most` bytes."""
    try:
        # Without O_NONBLOCK, opening a pipe would wait until another process writes to the pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except ValueError:  # A path with a null byte or a lone surrogate cannot be the name of a file.
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from None
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        if found.st_size > most:
            raise OSError(errno.EFBIG, f"larger than {most >> 20} MB", str(path))
        return file.read(found.st_size)


def is_link_or_special(path: Path | str) -> bool:
    """Return whether a path exists and is a link, has several hard links, or is no regular file.

    The path is looked up once, because another process may delete a file such as a journal at any time.
    """
    try:
        found = os.lstat(path)
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(found.st_mode) or found.st_nlink > 1


def replace_file(path: Path, data: bytes) -> None:
    """Replace a file atomically by a new one with the given data, which only its owner can read. Raises `OSError`.

    The data are written to a new file, which is then renamed, so a link with that name is replaced and not followed.
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


def write_output(path: Path, data: bytes) -> None:
    """Write data to a path that the user has chosen: replace the file there, or write to the device or pipe.

    Raises `OSError`, also for a pipe that no process reads, because opening it would wait forever.
    """
    if not path.exists() or path.is_file() or path.is_dir():
        replace_file(path, data)
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    os.set_blocking(descriptor, True)
    with open(descriptor, "wb") as file:
        file.write(data)
