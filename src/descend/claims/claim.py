"""A claim of the texts: the sentence, its source, what would refute it, and the experiment that measures it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf, isfinite
from typing import Literal, Protocol

from descend.core.bound import Bound

RELEVANT = Bound(
    0.05, "relative difference", "chosen: a smaller difference is no reason to prefer one way of training to another"
)


@dataclass(frozen=True)
class Tuned:
    """The best learning rate of a search, and the range in which it was searched."""

    lr: float
    low: float
    high: float


Settings = Mapping[str, Tuned]  # what is tuned before the seeds that count, by the name of the side
Measured = tuple[float, ...]  # what one seed shows: a figure, or two costs whose ratio is the figure; or nothing


class Scale(StrEnum):
    """How the figures of several seeds become one figure with an interval."""

    RATIO = "ratio"  # the ratio of two costs: the mean of its logarithm
    VALUE = "value"  # a number: its mean
    STEPS = "steps"  # the ratio of two numbers of steps, which may be infinite: its median


class Experiment(Protocol):
    """What a claim measures, for each condition and seed."""

    @property
    def scale(self) -> Scale:
        """How the figures of several seeds are combined."""

    def prepare(self, condition: str) -> Settings:
        """Return what is tuned for a condition, with seeds that do not count."""

    def measure(self, condition: str, settings: Settings, seed: int) -> Measured:
        """Return the figure of one seed, or the two costs or numbers of steps whose ratio is the figure."""


@dataclass(frozen=True)
class Expected:
    """The figures with which a claim holds, from `low` to `high`, and the smallest relevant distance from the limits.

    A figure that certainly is not beyond a limit by `relevant` counts as outside: the effect is too small.
    """

    low: float = -inf
    high: float = inf
    relevant: float = RELEVANT

    def __str__(self) -> str:
        if isfinite(self.low) and isfinite(self.high):
            return f"{self.low:.3g} to {self.high:.3g}"
        return f"above {self.low:.3g}" if isfinite(self.low) else f"below {self.high:.3g}"

    @property
    def refuting(self) -> tuple[float, float]:
        """The limits beyond which an interval refutes the claim: those of the range, moved inwards."""
        return self.low + self.relevant * abs(self.low), self.high - self.relevant * abs(self.high)


def below(high: float, relevant: float = RELEVANT) -> Expected:
    """Return the range of all figures below a limit."""
    return Expected(high=high, relevant=relevant)


def above(low: float, relevant: float = RELEVANT) -> Expected:
    """Return the range of all figures above a limit."""
    return Expected(low=low, relevant=relevant)


@dataclass(frozen=True)
class Claim:
    """A sentence of the texts, and how it is measured."""

    sentence: str  # what is claimed, in our words
    source: str
    refuted_by: str  # which result would show that it is wrong
    figure: str  # what is measured, with its unit
    expected: Expected
    experiment: Experiment
    conditions: Sequence[str]  # the data or settings with which it is measured, each by itself
    holds_for: Literal["all", "some"] = "all"  # whether the claim is about all conditions, or says "sometimes"
    caution: str = ""  # what the measurement cannot show
