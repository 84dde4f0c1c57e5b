"""Cyclic schedules."""

import math
from dataclasses import dataclass

from descend.schedules.decays import half_cosine
from descend.schedules.schedule import Schedule


@dataclass(frozen=True)
class Triangular(Schedule):
    """A cyclic schedule that rises linearly from `low` to 1 and falls back in each `period` (Smith 2017, §3.1).

    Parameters
    ----------
    period : int
        The number of steps of a cycle.
    low : float
        The smallest factor.
    """

    period: int
    low: float = 0.1

    def factor(self, t: int) -> float:
        """Return the factor of step `t`: low + (1 − low)·(1 − |1 − 2·(t mod period)/period|)."""
        return self.low + (1 - self.low) * (1 - abs(1 - 2 * (t % self.period) / self.period))


@dataclass(frozen=True)
class CosineCycle(Schedule):
    """A cyclic schedule that follows a full cosine in each `period`: from 1 to `low` and back, without a jump.

    Parameters
    ----------
    period : int
        The number of steps of a cycle.
    low : float
        The smallest factor.
    """

    period: int
    low: float = 0.0

    def factor(self, t: int) -> float:
        """Return the factor of step `t`: low + (1 − low)·½(1 + cos 2πt/period)."""
        return self.low + (1 - self.low) * 0.5 * (1 + math.cos(2 * math.pi * t / self.period))


@dataclass(frozen=True)
class WarmRestarts(Schedule):
    """SGDR: half a cosine from 1 to `low`, then a restart at 1. Each period is `growth` times as long as the last one.

    Loshchilov & Hutter 2017, eq. 5, with T_0 = `period` and T_mult = `growth`.

    Parameters
    ----------
    period : int
        The number of steps of the first period.
    growth : int
        The length of each period relative to the last one.
    low : float
        The smallest factor.
    """

    period: int
    growth: int = 1
    low: float = 0.0

    def factor(self, t: int) -> float:
        """Return the factor of step `t`, which falls from 1 to `low` like half a cosine in each period."""
        begun, length = self._cycle(t)
        return half_cosine((t - begun) / length, self.low)

    @property
    def has_cycles(self) -> bool:
        """Whether the schedule has cycles: always True, because each period is a cycle."""
        return True

    def ends_at(self, t: int) -> bool:
        """Return whether step `t` is the last one before the schedule restarts at 1."""
        begun, length = self._cycle(t)
        return t == begun + length - 1

    def _cycle(self, t: int) -> tuple[int, int]:
        """Return the first step and the number of steps of the period that contains step `t`."""
        if self.growth == 1:
            return t - t % self.period, self.period
        begun, length = 0, self.period
        while t >= begun + length:
            begun, length = begun + length, length * self.growth
        return begun, length
