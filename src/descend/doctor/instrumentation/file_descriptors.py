"""Move our file descriptors in the script's process to numbers that the script does not close.

Some programs close "all" descriptors, such as 3 to 256 or 3 to 1024, and `open` returns the lowest free number. A
descriptor above the soft limit stays open, is never returned for a new file and is outside these ranges (dup(2)).
"""

import fcntl
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from descend.core.bound import Count

ROOM = 8  # how many descriptor numbers to reserve; `descend` uses fewer
HIGHEST = Count(1 << 14, "descriptors", "chosen: the kernel's descriptor table, copied at each fork, stays at 128 KiB")


def move_to_high_number(descriptor: int) -> int:
    """Move a file descriptor to a number that the script does not use, and return the number."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    top = HIGHEST if soft == resource.RLIM_INFINITY else min(soft, HIGHEST)
    if top == soft and (hard == resource.RLIM_INFINITY or hard >= soft + ROOM):
        with suppress(OSError, ValueError), _soft_limit(soft + ROOM):
            return _duplicate(descriptor, soft)
    with suppress(OSError):
        return _duplicate(descriptor, top - ROOM)
    os.set_inheritable(descriptor, False)
    return descriptor


@contextmanager
def _soft_limit(number: int) -> Iterator[None]:
    """Set the process's soft limit of open files inside the `with` block."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _duplicate(descriptor: int, least: int) -> int:
    """Duplicate a file descriptor to a free number of at least `least`, and close the original."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, least)
    os.close(descriptor)
    return moved
