"""Measure the duration of one rank's steps, and the part before the backward pass, in which ranks do not wait.

The backward pass averages gradients over the ranks, so quick ranks wait there for the slowest one.
"""

import time

from descend.doctor.record import Listener, Reading

INTERVAL_S = 0.5  # One recorded mean is taken over at least this many seconds.
MOST = 4_000  # One recorded mean covers at least 1 / MOST of the run so far.


class StepTimes:
    """Sends one rank's mean times of a whole step (`step_seconds`) and of its part before backward() (`own_seconds`).

    If device work is queued (CUDA), `own_seconds` is the time of the process itself: reading data and starting kernels.
    """

    def __init__(self, rank: int, send: Listener, interval: float = INTERVAL_S) -> None:
        self._place, self._send, self._interval = str(rank), send, interval
        self._began = self._sent = time.perf_counter()
        self._since: float | None = None  # clock time when the last step ended; None before the first step
        self._waits = False  # whether a backward pass has begun since the last step
        self._own = self._all = 0.0
        self._count = self._step = 0

    def backward_begins(self) -> None:
        """Record that a backward pass begins, at which this rank may wait for others."""
        if self._since is not None and not self._waits:
            self._own += time.perf_counter() - self._since
            self._waits = True

    def step_ended(self, steps: int) -> None:
        """Record that step number `steps` has ended."""
        now, self._step = time.perf_counter(), steps
        if self._since is not None and self._waits:
            self._all += now - self._since
            self._count += 1
        self._since, self._waits = now, False
        if self._count and now - self._sent > max(self._interval, (now - self._began) / MOST):
            self.flush()

    def flush(self) -> None:
        """Send the mean times since the last call."""
        if self._count:
            means = (("step_seconds", self._all / self._count), ("own_seconds", self._own / self._count))
            self._send([Reading(name, self._place, self._step, mean) for name, mean in means])
        self._own, self._all, self._count, self._sent = 0.0, 0.0, 0, time.perf_counter()
