"""Measure the share of time in which a process could run, and did not wait for a busy processor.

Linux counts both (Documentation/scheduler/sched-stats.rst): nanoseconds running on a processor, and nanoseconds ready
to run but waiting. On other systems no waiting is assumed.
"""

import os
import time

QUEUED = "/proc/self/schedstat"  # scheduler statistics of the main thread, in which scripts train


class ProcessorShare:
    """Measures the share of time since its creation in which this process did not wait for a processor."""

    def __init__(self) -> None:
        try:
            self._counts = os.open(QUEUED, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._counts = -1
        self._began, self._queued = time.perf_counter(), self._seconds_waited()

    def share(self) -> float:
        """Return the share (0 to 1) of the time since creation in which the process did not wait for a processor."""
        passed = time.perf_counter() - self._began
        return 1 - min((self._seconds_waited() - self._queued) / passed, 1.0) if passed > 0 else 1.0

    def _seconds_waited(self) -> float:
        """Return the seconds that the main thread has waited for a processor so far."""
        try:
            return int(os.pread(self._counts, 80, 0).split()[1]) / 1e9
        except (OSError, ValueError, IndexError):
            return 0.0
