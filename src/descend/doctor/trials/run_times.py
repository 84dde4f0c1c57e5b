"""The durations of trial runs: they predict how long the next runs take, and whether these end before the deadline."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from statistics import fmean


class OutOfTime(Exception):
    """Raised if runs would not end before the deadline of the consultation, or if they have not."""


@dataclass
class RunTimes:
    """The durations of the trial runs so far. Several threads may add durations at the same time."""

    # seconds of each run, divided by its length: its number of steps in multiples of the baseline's
    each_s: list[float] = field(default_factory=list)
    ran_out: bool = False  # whether something was left out because it would not have ended in time

    def add(self, seconds: float, length: float) -> None:
        """Store the duration of a run. length: its number of steps in multiples of the baseline's, at least 1."""
        self.each_s.append(seconds / length)

    def predict(self, length: float, baseline_s: float) -> float:
        """Return the seconds that a run of this length takes, from the mean of earlier runs or else the baseline's."""
        return length * (fmean(self.each_s) if self.each_s else baseline_s)


def seconds_together(each_s: Sequence[float], slots: int) -> float:
    """Return the seconds that runs take if `slots` of them run at the same time, each as long as the longest one."""
    return max(each_s, default=0.0) * ceil(len(each_s) / slots)
