"""How much time measuring may take."""

import time


class Budget:
    """Lets probes spend a share of the time that has passed.

    A probe's next cost is foretold from its last one. The exam counts the start-up (imports) in, since what its
    user waits for is the whole; a watch does not, since imports would flatter it: its time runs from the first step.
    """

    def __init__(self, share: float, since: float | None) -> None:
        self.share, self.since, self.spent = share, since, 0.0
        self._costs: dict[str, tuple[float, int]] = {}  # total seconds, calls
        self._last: dict[str, float] = {}
        self.refused: dict[str, int] = {}

    def loop_begins(self) -> None:
        """Take note that the first backward pass begins."""
        if self.since is None:
            self.since = time.perf_counter()

    def allows(self, probe: str, *, first_guess: float = 0.0) -> bool:
        """Whether the probe, at its last cost, still fits."""
        fits = self._last.get(probe, first_guess) <= self.left()
        if not fits:
            self.refused[probe] = self.refused.get(probe, 0) + 1
        return fits

    def left(self) -> float:
        """Seconds that may be spent now."""
        passed = 0.0 if self.since is None else time.perf_counter() - self.since
        return self.share * passed - self.spent

    def charge(self, probe: str, seconds: float) -> None:
        """Count what a probe has taken."""
        self.spent += seconds
        total, calls = self._costs.get(probe, (0.0, 0))
        self._costs[probe] = (total + seconds, calls + 1)
        self._last[probe] = seconds

    def costs(self) -> dict[str, tuple[float, int]]:
        """Seconds and calls of each probe."""
        return dict(self._costs)
