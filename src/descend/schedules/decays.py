"""Schedules that only fall."""

import math
from dataclasses import dataclass

from descend.schedules.schedule import Schedule


@dataclass(frozen=True)
class InversePower(Schedule):
    """(1 + t)^−a: steps that still reach every point, but average the noise out (Robbins & Monro 1951: ½ < a ≤ 1)."""

    a: float = 0.5

    def factor(self, t: int) -> float:
        """Return (1 + t)^−a."""
        return float((1 + t) ** -self.a)


@dataclass(frozen=True)
class InverseTime(Schedule):
    """1/(C + t), scaled to begin at 1: C/(C + t), which has halved after C steps (Robbins & Monro 1951)."""

    constant: float

    def __post_init__(self) -> None:
        """Raise `ValueError` for a constant of 0, with which the first step would be infinite."""
        super().__post_init__()
        if self.constant == 0:
            raise ValueError("InverseTime: constant must be above 0, not 0")

    def factor(self, t: int) -> float:
        """Return C/(C + t)."""
        return self.constant / (self.constant + t)


@dataclass(frozen=True)
class Step(Schedule):
    """A tenth (`decay`) of it every `period` steps."""

    period: int
    decay: float = 0.1

    def factor(self, t: int) -> float:
        """Return decay^⌊t/period⌋."""
        return power(self.decay, t // self.period)


@dataclass(frozen=True)
class Exponential(Schedule):
    """`decay` times as much at every step."""

    decay: float

    def factor(self, t: int) -> float:
        """Return decay^t."""
        return power(self.decay, t)


@dataclass(frozen=True)
class Linear(Schedule):
    """In a straight line to `end` at `total_steps`, and `end` from then on."""

    total_steps: int
    end: float = 0.0

    def factor(self, t: int) -> float:
        """Return 1 + (end − 1)·t/T."""
        return 1 + (self.end - 1) * min(t / self.total_steps, 1.0)


@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine down to `end` at `total_steps`, and `end` from then on (Loshchilov & Hutter 2017, eq. 5, once)."""

    total_steps: int
    end: float = 0.0

    def factor(self, t: int) -> float:
        """Return end + (1 − end)·½(1 + cos πt/T)."""
        return fall(t / self.total_steps, self.end)


@dataclass(frozen=True)
class Noam(Schedule):
    """The transformer's: d^−½ · min(s^−½, s·w^−1.5) with s = t + 1 (Vaswani et al. 2017, eq. 3). For a rate of 1."""

    model_size: int
    warmup_steps: int = 4000

    def factor(self, t: int) -> float:
        """Return a straight rise over the warm-up, and the inverse root of the step after it."""
        s = t + 1
        return float(self.model_size**-0.5 * min(s**-0.5, s * self.warmup_steps**-1.5))


def fall(share: float, end: float) -> float:
    """Return half a cosine from 1 to `end`, after this share of it."""
    return end + (1 - end) * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))


def power(decay: float, times: int) -> float:
    """Return decay^times; infinite where a growth is beyond all numbers."""
    try:
        return float(decay) ** times
    except OverflowError:
        return math.inf
