"""Schedules that rise again."""

import math
from dataclasses import dataclass

from descend.schedules.decays import fall
from descend.schedules.schedule import Schedule


@dataclass(frozen=True)
class Triangular(Schedule):
    """In straight lines from `low` to 1 and back in each `period` (Smith 2017, §3.1)."""

    period: int
    low: float = 0.1

    def factor(self, t: int) -> float:
        """Return low + (1 − low)·(1 − |1 − 2·(t mod period)/period|)."""
        return self.low + (1 - self.low) * (1 - abs(1 - 2 * (t % self.period) / self.period))


@dataclass(frozen=True)
class CosineCycle(Schedule):
    """A whole cosine in each `period`: from 1 to `low` and back, without a jump."""

    period: int
    low: float = 0.0

    def factor(self, t: int) -> float:
        """Return low + (1 − low)·½(1 + cos 2πt/period)."""
        return self.low + (1 - self.low) * 0.5 * (1 + math.cos(2 * math.pi * t / self.period))


@dataclass(frozen=True)
class WarmRestarts(Schedule):
    """SGDR: half a cosine down to `low`, then at once 1 again; each period is `growth` times as long as the last.

    Loshchilov & Hutter 2017, eq. 5, with T_0 = `period` and T_mult = `growth`.
    """

    period: int
    growth: int = 1
    low: float = 0.0

    def factor(self, t: int) -> float:
        """Return low + (1 − low)·½(1 + cos π·T_cur/T_i)."""
        begun, length = self._cycle(t)
        return fall((t - begun) / length, self.low)

    @property
    def has_cycles(self) -> bool:
        """Yes."""
        return True

    def ends_at(self, t: int) -> bool:
        """Whether step `t` is the last one before a restart."""
        begun, length = self._cycle(t)
        return t == begun + length - 1

    def _cycle(self, t: int) -> tuple[int, int]:
        """Return the first step of the period that `t` lies in, and its length."""
        if self.growth == 1:
            return t - t % self.period, self.period
        begun, length = 0, self.period
        while t >= begun + length:
            begun, length = begun + length, length * self.growth
        return begun, length
