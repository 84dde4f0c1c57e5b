"""The durations of trial runs: they predict how long the next runs take, and whether these end before the deadline."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from statistics import fmean

from descend.doctor.record import Record, facts


class OutOfTime(Exception):
    """Raised if runs would not end before the deadline of the consultation, or if they have not."""


@dataclass
class RunTimes:
    """The durations of the complete trial runs so far. Several threads may add durations at the same time.

    They are stored per step, because the studies that share them have baseline runs of different lengths.
    """

    step_s: list[float] = field(default_factory=list)  # mean seconds per step of each run
    ran_out: bool = False  # whether something was left out because it would not have ended in time

    def add(self, seconds: float, steps: int) -> None:
        """Store the duration of a run with this many steps."""
        self.step_s.append(seconds / steps)

    def predict(self, steps: int, baseline_step_s: float) -> float:
        """Return the seconds that a run takes, from the mean step of earlier runs or else of the baseline run."""
        return steps * (fmean(self.step_s) if self.step_s else baseline_step_s)


def observed_steps(record: Record) -> int:
    """Return the number of optimizer steps of a run or, without steps, of backward passes."""
    passes = record.fact(facts.BackwardPasses)
    return record.steps or (passes.backward if passes else 0)


def seconds_together(each_s: Sequence[float], slots: int) -> float:
    """Return the seconds that runs take if `slots` of them run at the same time, each as long as the longest one."""
    return max(each_s, default=0.0) * ceil(len(each_s) / slots)
