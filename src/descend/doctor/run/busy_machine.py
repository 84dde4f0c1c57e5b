"""How much of its time a process could work: the rest it stood in the queue for a processor that others had.

Linux counts both (Documentation/scheduler/sched-stats.rst): nanoseconds on a processor, and nanoseconds ready to run
and not on one. Elsewhere the machine is taken to be free.
"""

import os
import time

QUEUED = "/proc/self/schedstat"  # of the thread that has begun the process, which is where scripts train


class OwnTime:
    """Seconds in which this process could work, from when this is made: what else the machine does is none of it."""

    def __init__(self) -> None:
        try:
            self._counts = os.open(QUEUED, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._counts = -1
        self._began, self._queued = time.perf_counter(), self._waited()

    def share(self) -> float:
        """Return the share of the time since then in which it did not wait for a processor, from 0 to 1."""
        passed = time.perf_counter() - self._began
        return 1 - min((self._waited() - self._queued) / passed, 1.0) if passed > 0 else 1.0

    def _waited(self) -> float:
        try:
            return int(os.pread(self._counts, 80, 0).split()[1]) / 1e9
        except (OSError, ValueError, IndexError):
            return 0.0
