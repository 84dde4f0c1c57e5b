"""Confidence intervals of a mean and of a ratio, and the chance of so large a ratio of variances."""

from collections.abc import Sequence
from math import inf, sqrt
from statistics import fmean, stdev

LEVEL = 0.95  # of the intervals that are shown


def mean_interval(values: Sequence[float], level: float = LEVEL) -> tuple[float, float]:
    """Return Student's confidence interval of the mean; of a single value none is known: NaN."""
    if len(values) < 2:
        return float("nan"), float("nan")
    half = student(len(values) - 1, level) * stdev(values) / len(values) ** 0.5
    centre = fmean(values)
    return centre - half, centre + half


def tail_of_f(statistic: float, above: int, below: int) -> float:
    """Return the chance of an F larger than that, with so many degrees of freedom above and below."""
    from scipy.special import fdtrc

    return float(fdtrc(above, below, statistic))


def student(freedom: int, level: float = LEVEL) -> float:
    """Return how many standard errors lie on each side of an estimate with so many degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2))


def ratio_interval(
    over: float, under: float, covariance: tuple[float, float, float], quantile: float
) -> tuple[float, float]:
    """Return the interval of over / under, both near normal; its end is infinite where `under` may be 0.

    covariance: of (over, both, under). It is where |over − r·under| is within `quantile` standard errors (Fieller
    1954).
    """
    t = quantile**2
    a, b, c = under**2 - t * covariance[2], over * under - t * covariance[1], over**2 - t * covariance[0]
    root = sqrt(max(b * b - a * c, 0.0))
    if a > 0:
        return (b - root) / a, (b + root) / a
    return (0.0 if c <= 0 or a == 0 else (b - root) / a), inf
