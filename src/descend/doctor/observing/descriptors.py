"""Our descriptors in the script's process, with numbers that a script does not close with "all" of its descriptors.

Programs close ranges such as 3 to 256 or to 1024, and `open` gives them the lowest number that is free. A descriptor
whose number is above the soft limit stays open, is never used for a new file and is outside these ranges (dup(2)).
"""

import fcntl
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from descend.ground.bound import Count

ROOM = 8  # more than are moved
HIGHEST = Count(1 << 14, "descriptors", "chosen: the kernel's table of them, copied at each fork, stays at 128 KiB")


def out_of_reach(descriptor: int) -> int:
    """Move a descriptor to a number that the script does not use, and return that; no program inherits it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    top = HIGHEST if soft == resource.RLIM_INFINITY else min(soft, HIGHEST)
    if top == soft and (hard == resource.RLIM_INFINITY or hard >= soft + ROOM):
        with suppress(OSError, ValueError), _soft_limit(soft + ROOM):
            return _moved(descriptor, soft)
    with suppress(OSError):
        return _moved(descriptor, top - ROOM)
    os.set_inheritable(descriptor, False)
    return descriptor


@contextmanager
def _soft_limit(number: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _moved(descriptor: int, least: int) -> int:
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, least)
    os.close(descriptor)
    return moved
