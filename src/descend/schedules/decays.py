"""Schedules that only decay."""

import math
from dataclasses import dataclass

from descend.schedules.schedule import Schedule


@dataclass(frozen=True)
class InversePower(Schedule):
    """A factor (1 + t)^−a. For ½ < a ≤ 1, SGD converges although its gradients are noisy (Robbins & Monro 1951).

    Parameters
    ----------
    a : float
        The exponent.
    """

    a: float = 0.5

    def factor(self, t: int) -> float:
        """Return the factor of step `t`: (1 + t)^−a."""
        return float((1 + t) ** -self.a)


@dataclass(frozen=True)
class InverseTime(Schedule):
    """A factor C/(C + t), with C = `constant`. It starts at 1 and is ½ after C steps (Robbins & Monro 1951).

    Parameters
    ----------
    constant : float
        The number of steps C after which the factor is ½.

    Raises
    ------
    ValueError
        If `constant` is 0.
    """

    constant: float

    def __post_init__(self) -> None:
        """Raise `ValueError` for a constant of 0, which would divide by zero at the first step."""
        super().__post_init__()
        if self.constant == 0:
            raise ValueError("InverseTime: constant must be above 0, not 0")

    def factor(self, t: int) -> float:
        """Return the factor of step `t`: constant/(constant + t)."""
        return self.constant / (self.constant + t)


@dataclass(frozen=True)
class Step(Schedule):
    """A factor that starts at 1 and is multiplied by `decay` every `period` steps.

    Parameters
    ----------
    period : int
        The number of steps with an equal factor.
    decay : float
        The number that multiplies the factor after each period.
    """

    period: int
    decay: float = 0.1

    def factor(self, t: int) -> float:
        """Return the factor of step `t`: decay^⌊t/period⌋."""
        return power(self.decay, t // self.period)


@dataclass(frozen=True)
class Exponential(Schedule):
    """A factor that starts at 1 and is multiplied by `decay` at every step.

    Parameters
    ----------
    decay : float
        The number that multiplies the factor at every step.
    """

    decay: float

    def factor(self, t: int) -> float:
        """Return the factor of step `t`: decay^t."""
        return power(self.decay, t)


@dataclass(frozen=True)
class Linear(Schedule):
    """A factor that changes linearly from 1 to `end` over `total_steps` steps and is then constant.

    Parameters
    ----------
    total_steps : int
        The number of steps until the factor is `end`.
    end : float
        The last factor.
    """

    total_steps: int
    end: float = 0.0

    def factor(self, t: int) -> float:
        """Return the factor of step `t`: 1 + (end − 1)·t/total_steps, and `end` after the last step."""
        return 1 + (self.end - 1) * min(t / self.total_steps, 1.0)


@dataclass(frozen=True)
class Cosine(Schedule):
    """A factor that falls like half a cosine from 1 to `end` over `total_steps` steps and is then constant.

    Loshchilov & Hutter 2017, eq. 5, one period.

    Parameters
    ----------
    total_steps : int
        The number of steps until the factor is `end`.
    end : float
        The last factor.
    """

    total_steps: int
    end: float = 0.0

    def factor(self, t: int) -> float:
        """Return the factor of step `t`: end + (1 − end)·½(1 + cos(π·t/total_steps)), and `end` after the last step."""
        return half_cosine(t / self.total_steps, self.end)


@dataclass(frozen=True)
class Noam(Schedule):
    """The learning rate schedule of the Transformer: a linear warm-up, then a decay like 1/√step. Use it with lr=1.

    The factor is model_size^−½ · min(s^−½, s·warmup_steps^−1.5) with s = t + 1 (Vaswani et al. 2017, eq. 3).

    Parameters
    ----------
    model_size : int
        The number of features of the model's hidden vectors.
    warmup_steps : int
        The number of steps in which the factor rises.
    """

    model_size: int
    warmup_steps: int = 4000

    def factor(self, t: int) -> float:
        """Return the factor of step `t`: it rises linearly over the warm-up, then falls like 1/√step."""
        s = t + 1
        return float(self.model_size**-0.5 * min(s**-0.5, s * self.warmup_steps**-1.5))


def half_cosine(share: float, end: float) -> float:
    """Return the value of half a cosine that falls from 1 at `share` = 0 to `end` at `share` = 1 and above."""
    return end + (1 - end) * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))


def power(decay: float, times: int) -> float:
    """Return `decay` to the power of `times`, or infinity if the result is too large for a float."""
    try:
        return float(decay) ** times
    except OverflowError:
        return math.inf
