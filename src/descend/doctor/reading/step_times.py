"""How long the steps of one rank take, and how much of that is before the backward pass, where ranks do not wait.

In the backward pass gradients are averaged over the ranks: there the quick ones wait for the slowest.
"""

import time

from descend.doctor.record import Listener, Reading

INTERVAL_S = 0.5  # the mean over about so long is one reading, where not each step is to be one,
MOST = 4_000  # and of a longer run over this share of it


class StepTimes:
    """Sends `step_seconds` and, of them, `own_seconds`, at the rank's number. Where device work is queued (CUDA),
    the latter is what the process itself does: reading data, starting kernels.
    """

    def __init__(self, rank: int, send: Listener, interval: float = INTERVAL_S) -> None:
        self._place, self._send, self._interval = str(rank), send, interval
        self._began = self._sent = time.perf_counter()
        self._since: float | None = None  # the end of the last step; None before the first one
        self._waits = False  # whether a backward pass has begun since
        self._own = self._all = 0.0
        self._count = self._step = 0

    def backward(self) -> None:
        """A backward pass begins."""
        if self._since is not None and not self._waits:
            self._own += time.perf_counter() - self._since
            self._waits = True

    def step(self, steps: int) -> None:
        """A step is over; it is the `steps`-th."""
        now, self._step = time.perf_counter(), steps
        if self._since is not None and self._waits:
            self._all += now - self._since
            self._count += 1
        self._since, self._waits = now, False
        if self._count and now - self._sent > max(self._interval, (now - self._began) / MOST):
            self.flush()

    def flush(self) -> None:
        """Send the means since the last time."""
        if self._count:
            means = (("step_seconds", self._all / self._count), ("own_seconds", self._own / self._count))
            self._send([Reading(name, self._place, self._step, mean) for name, mean in means])
        self._own, self._all, self._count, self._sent = 0.0, 0.0, 0, time.perf_counter()
