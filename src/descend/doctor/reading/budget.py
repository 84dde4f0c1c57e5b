"""How much time measuring may take."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

UNTRIED_S = 0.1  # what a probe's first call is taken to cost in a watched run, where it must not cost too much,
READING_S = 1e-5  # a pass or a step that is only read: measured, among kernels that push our code out of the caches
FULL = 2  # so many times as much where it is read in full
WHOLE_SHARE, LEAST_SHARE = 0.025, 0.005  # of a watched run's time for reading and measuring; for measuring in any case
START_UP_S = 60.0  # what the start-up counts as where steps are counted instead of seconds: it affords a first look
UNTRIED_STEPS = 4  # or so many of the script's own steps, where those are longer


class Budget:
    """Lets probes spend a share of the time that has passed.

    A probe's next cost is foretold from its last one. The baseline counts the start-up (imports) in, since what its
    user waits for is the whole; a watch does not, since imports would flatter it: its time runs from the first step.
    Where it is not `timed`, each step counts as a second and measuring as nothing: what is measured then depends on
    the script alone, and not on how busy the machine is.
    """

    def __init__(self, share: float, since: float | None, *, timed: bool = True) -> None:
        self.clock = time.perf_counter if timed else self._counted
        self.share, self.since, self.spent = share, since if timed or since is None else -START_UP_S, 0.0
        self.steps = 0  # that the script has taken
        self.read = 0  # passes and steps, as many as would have cost what was read
        self.is_wary = since is None  # somebody's own run: nothing may cost more than it has earned
        self._opened: float | None = None  # when the probe that is under way began
        self._costs: dict[str, tuple[float, int]] = {}  # total seconds, calls
        self._last: dict[str, float] = {}
        self.refused: dict[str, int] = {}

    @property
    def is_spending(self) -> bool:
        """Whether a probe is under way."""
        return self._opened is not None

    @property
    def used(self) -> float:
        """Seconds spent, with what the probe that is under way has taken."""
        opened = self._opened  # another thread may ask
        return self.spent + (0.0 if opened is None else self.clock() - opened)

    def pass_begins(self) -> None:
        """Take note of a backward pass that is read in full; the time runs from the first one."""
        self.read += FULL
        if self.since is None:
            self.since = self.clock()

    def step_ended(self, steps: int) -> None:
        """Take note of a step that was read in full, and of how many there have been."""
        self.read += FULL
        self.steps = steps

    def affords(self, probe: str) -> bool:
        """Whether the probe, at its last cost, still fits."""
        expected = self._last.get(probe)
        return (self._untried() if expected is None else expected) <= self.left()

    def allows(self, probe: str) -> bool:
        """Whether the probe still fits; a refusal is remembered."""
        fits = self.affords(probe)
        if not fits:
            self.refused[probe] = self.refused.get(probe, 0) + 1
        return fits

    def left(self) -> float:
        """Seconds that may be spent now, less what the probe that is under way has taken."""
        if self.since is None:
            return -self.spent
        return self._earned(self.clock() - self.since) - self.used

    def _earned(self, passed: float) -> float:
        earned = self.share * passed
        if self.is_wary:
            earned = min(earned, max(LEAST_SHARE * passed, WHOLE_SHARE * passed - READING_S * self.read))
        return earned

    @contextmanager
    def charging(self, probe: str) -> Iterator[None]:
        """Count what the probe takes."""
        self._opened = began = self.clock()
        try:
            yield
        finally:
            self._opened, seconds = None, self.clock() - began
            self.spent += seconds
            total, calls = self._costs.get(probe, (0.0, 0))
            self._costs[probe] = (total + seconds, calls + 1)
            self._last[probe] = seconds

    def _counted(self) -> float:
        return float(self.read)

    def costs(self) -> dict[str, tuple[float, int]]:
        """Seconds and calls of each probe."""
        return dict(self._costs)

    def _untried(self) -> float:
        if not self.is_wary:
            return 0.0
        passed = 0.0 if self.since is None else self.clock() - self.since
        return max(UNTRIED_S, UNTRIED_STEPS * passed / max(1, self.steps))
