"""The time at which a consultation has to end, because the user has limited its duration."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import inf


@dataclass(frozen=True)
class Deadline:
    """A time on a clock after which nothing more is started. `at` is infinite if the duration is not limited."""

    at: float = inf  # time of `clock`, in seconds
    clock: Callable[[], float] = time.monotonic
    # Seconds before `at` at which a run is ended, because its files have to be deleted. They never become fewer.
    deletion_s: Callable[[], float] = lambda: 0.0

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> "Deadline":
        """Return the deadline that is `seconds` from now."""
        return cls(clock() + seconds, clock)

    @property
    def left_s(self) -> float:
        """The seconds until the deadline, at least 0; infinite without a limit."""
        return max(0.0, self.at - self.clock())

    @property
    def is_over(self) -> bool:
        """Whether the time at which runs are ended has passed, so that nothing more is started."""
        return self.left_s <= self.deletion_s()

    def fits(self, seconds: float) -> bool:
        """Return whether something that takes this many seconds would end before the deadline."""
        return seconds <= self.left_s
