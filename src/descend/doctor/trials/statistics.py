"""What a win is: paired runs, intervals, and margins set before any trial."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, isfinite, log
from statistics import fmean

from descend.ground.bound import Bound
from descend.ground.interval import mean_interval

LEAST_GAIN = Bound(0.2, "of the yardstick, taken off", "chosen: for less than a fifth nobody would bother")
EASY_GAIN = Bound(
    0.5,
    "of the yardstick, taken off",
    "chosen: any training gains something by more steps or parameters, so these have to take off half",
)
MARGIN = Bound(
    0.25, "of the best cost, above it", "chosen: remedies that near count as equally good, and the cheapest is taken"
)
DOWN = Bound(0.01, "of the cost", "chosen: how much farther a cure brings it down does not count against another one")
LOOK = Bound(0.9706, "level of each of two looks at the seeds", "both together err in 5 %: Pocock 1977, table 1")
VANISHING = Bound(1e-12, "of cost", "chosen: costs below it are alike")
CAP = Bound(10.0, "times the worst finite cost", "chosen: what a diverged trial run counts as")


@dataclass(frozen=True)
class Comparison:
    """Paired yardsticks of the unchanged and the changed script."""

    before: float  # means; infinite where a trial run diverged
    after: float
    interval: tuple[float, float]  # of the mean after
    difference: tuple[float, float]  # of the mean of after − before
    gain: tuple[float, float]  # interval of 1 − after/before, by the mean of log ratios; a hundredth counts as nothing

    @property
    def typical_gain(self) -> float:
        """By the mean of log ratios."""
        return 1 - ((1 - self.gain[0]) * (1 - self.gain[1])) ** 0.5

    def is_open(self, least: float = LEAST_GAIN) -> bool:
        """Whether the gain is large enough, and not sure: more seeds would settle it."""
        return self.gain[0] <= 0 and self.typical_gain >= least

    def wins(self, least: float = LEAST_GAIN) -> bool:
        """Whether the gain is at least the least one and surely above zero."""
        return self.gain[0] > 0 and self.typical_gain >= least


def compare(before: Sequence[float], after: Sequence[float]) -> Comparison:
    """Return the comparison of pairs; values are costs, at least zero; NaN and infinity are diverged trial runs."""
    ceiling = max(1.0, CAP * max([v for v in (*before, *after) if isfinite(v)], default=0.0))
    least = _in_place_of_zero(before, after)
    b, a = [_finite(v, ceiling, least) for v in before], [_finite(v, ceiling, least) for v in after]
    ratios = mean_interval([_bounded(log(y) - log(x)) for x, y in zip(b, a)], LOOK)
    low, high = mean_interval(a)
    return Comparison(
        fmean(b) if all(map(isfinite, before)) else inf,
        fmean(a) if all(map(isfinite, after)) else inf,
        (max(low, 0.0), high) if all(map(isfinite, after)) else (inf, inf),
        mean_interval([y - x for x, y in zip(b, a)]),
        (1 - exp(ratios[1]), 1 - exp(ratios[0])),
    )


def promising(before: float, after: float, least: float = LEAST_GAIN) -> bool:
    """Whether one pair shows the least gain; what has vanished already cannot get better."""
    return isfinite(after) and (not isfinite(before) or (before > VANISHING and after <= (1 - least) * before))


def as_good(value: float, best: float) -> bool:
    """Whether a cost is within the margin of the best one."""
    return value <= best * (1 + MARGIN)


def explains(left: float, best: float) -> bool:
    """Whether a cure accounts for the trouble beside the best one; both by the share of the cost that they leave.

    Half of the way down, in orders of magnitude, is enough: another cure may do something else besides.
    """
    return as_good(left, best) or left <= max(best, DOWN) ** 0.5


def _bounded(log_ratio: float) -> float:
    """Return a seed's log ratio: how far below a hundredth it comes must not outweigh what the others show."""
    return min(max(log_ratio, log(DOWN)), -log(DOWN))


def _in_place_of_zero(before: Sequence[float], after: Sequence[float]) -> float:
    """Return what a cost of exactly 0 counts as: no example was wrong, and half of one may be (Hornung & Reed 1990).

    With the logarithm of something smaller the seeds without a mistake alone would say how all of them spread.
    """
    some, whole = ([v for v in values if 0 < v < inf] for values in (after, (*before, *after)))
    return max(min(whole) / 2, VANISHING) if some else VANISHING


def _finite(value: float, ceiling: float, least: float) -> float:
    if not isfinite(value):
        return ceiling
    return max(value, VANISHING) if value > 0 else least
