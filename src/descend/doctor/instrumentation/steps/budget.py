"""The share of the running time that measurements may use."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf

UNTRIED_S = 0.1  # smallest duration in seconds that is assumed for a probe's first call in a watched run
READING_S = 1e-5  # seconds to read only the loss of a backward pass or step, measured with cold caches
FULL = 2  # cost of reading a backward pass or step in full, relative to reading only its loss
# share of a watched run's time for reading and measuring together, and smallest share for measuring alone
WHOLE_SHARE, LEAST_SHARE = 0.025, 0.005
START_UP_S = 60.0  # If steps are counted instead of time, the start-up counts as this many seconds.
UNTRIED_STEPS = 4  # A first call is assumed to take at least as long as this many steps of the script.


class Budget:
    """The time that measurements (probes) may use, which is a share of the elapsed time.

    A probe's next call is assumed to cost as much as its last one. For a baseline run, the elapsed time includes the
    imports, because the user waits for them, too. For a watched run it begins with the first step. If it is not
    `timed`, each step counts as one second and measuring as zero. Then measurements depend on the script alone and not
    on the speed of the machine. Nothing may be measured after the time `until` of the clock.
    """

    def __init__(self, share: float, since: float | None, *, timed: bool = True) -> None:
        self.is_timed, self.until = timed, inf
        self.clock = time.perf_counter if timed else self._step_clock
        self.share, self.since, self.spent = share, since if timed or since is None else -START_UP_S, 0.0
        self.steps = 0  # number of the script's steps so far
        self.read = 0  # cost of reading backward passes and steps so far, in units of reading one loss
        # In a run that the user watches, measurements must not exceed their share at any time.
        self.is_watched_run = since is None
        self._opened: float | None = None  # clock time when the running probe began
        self._costs: dict[str, tuple[float, int]] = {}  # name of a probe -> (total seconds, number of calls)
        self._last: dict[str, float] = {}
        self.refused: dict[str, int] = {}

    @property
    def is_spending(self) -> bool:
        """Return whether a measurement (probe) is running."""
        return self._opened is not None

    @property
    def used(self) -> float:
        """Return the seconds that measurements have used so far, including a running one."""
        opened = self._opened  # Another thread may change it, so it is read once.
        return self.spent + (0.0 if opened is None else self.clock() - opened)

    @property
    def elapsed(self) -> float:
        """Return the seconds since the time of the run began; 0 before its first backward pass."""
        return 0.0 if self.since is None else self.clock() - self.since

    @property
    def is_over(self) -> bool:
        """Return whether the time after which nothing may be measured is reached."""
        return self.clock() >= self.until

    def pass_begins(self) -> None:
        """Count the cost of reading a backward pass; the time of a watched run starts with its first pass."""
        self.read += FULL
        if self.since is None:
            self.since = self.clock()

    def step_ended(self, steps: int) -> None:
        """Count the cost of reading a step, and store the number of steps so far."""
        self.read += FULL
        self.steps = steps

    def affords(self, probe: str) -> bool:
        """Return whether a measurement (probe) fits into the time budget if it takes as long as its last call."""
        expected = self._last.get(probe)
        return (self._assumed_first_duration() if expected is None else expected) <= self.left()

    def allows(self, probe: str) -> bool:
        """Return whether a measurement (probe) fits into the time budget; if it does not, count the refusal."""
        fits = self.affords(probe)
        if not fits:
            self.refused[probe] = self.refused.get(probe, 0) + 1
        return fits

    def left(self) -> float:
        """Return the seconds that measurements may use now."""
        if self.since is None:
            return -self.spent
        until = self.until - self.clock()
        return min(self._allowed_seconds(self.elapsed) - self.used, until)

    def _allowed_seconds(self, passed: float) -> float:
        """Return the seconds that measurements may use in `passed` seconds of the run."""
        earned = self.share * passed
        if self.is_watched_run:
            earned = min(earned, max(LEAST_SHARE * passed, WHOLE_SHARE * passed - READING_S * self.read))
        return earned

    @contextmanager
    def charging(self, probe: str) -> Iterator[None]:
        """Add the duration of the `with` block to the time that a measurement (probe) has used."""
        self._opened = began = self.clock()
        try:
            yield
        finally:
            self._opened, seconds = None, self.clock() - began
            self.spent += seconds
            total, calls = self._costs.get(probe, (0.0, 0))
            self._costs[probe] = (total + seconds, calls + 1)
            self._last[probe] = seconds

    def forget_last_cost(self, probe: str) -> None:
        """Assume the duration of a first call for the next one, because the last call was only a part of it."""
        self._last.pop(probe, None)

    def _step_clock(self) -> float:
        """Return the time of a clock that counts passes and steps instead of seconds."""
        return float(self.read)

    def costs(self) -> dict[str, tuple[float, int]]:
        """Return (total seconds, number of calls) of each probe by name."""
        return dict(self._costs)

    def _assumed_first_duration(self) -> float:
        """Return the seconds that a probe's first call is assumed to take."""
        if not self.is_watched_run:
            return 0.0
        return max(UNTRIED_S, UNTRIED_STEPS * self.elapsed / max(1, self.steps))
