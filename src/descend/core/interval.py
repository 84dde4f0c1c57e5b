"""Confidence intervals of means and ratios, and tail probabilities of the F and t distributions."""

from collections.abc import Sequence
from math import inf, sqrt
from statistics import fmean, stdev

LEVEL = 0.95  # default confidence level of all intervals


def mean_interval(values: Sequence[float], level: float = LEVEL) -> tuple[float, float]:
    """Return Student's confidence interval for the mean of the values; (NaN, NaN) for fewer than two values."""
    if len(values) < 2:
        return float("nan"), float("nan")
    half = student_quantile(len(values) - 1, level) * stdev(values) / len(values) ** 0.5
    centre = fmean(values)
    return centre - half, centre + half


def tail_of_f(statistic: float, above: int, below: int) -> float:
    """Return P(F > statistic), the upper tail probability of an F distribution.

    above, below: degrees of freedom of the numerator and the denominator.
    """
    from scipy.special import fdtrc

    return float(fdtrc(above, below, statistic))


def student_p_value(values: Sequence[float]) -> float:
    """Return the two-sided p-value of Student's test that the mean is 0; 1 for fewer than two values."""
    if len(values) < 2:
        return 1.0
    centre, spread = fmean(values), stdev(values)
    if spread == 0:
        return float(centre == 0)
    from scipy.special import stdtr

    return float(2 * stdtr(len(values) - 1, -abs(centre) / spread * len(values) ** 0.5))


def student_quantile(freedom: int, level: float = LEVEL) -> float:
    """Return the quantile of Student's t distribution: half the width of a confidence interval, in standard errors.

    freedom: degrees of freedom. level: the confidence level.
    """
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2))


def sample_size(spread: float, half_width: float, level: float = LEVEL, least: int = 2, most: int = 1000) -> int | None:
    """Return how many values a confidence interval of the mean needs to be that narrow; None for more than `most`.

    spread: standard deviation of the values. half_width: half the width that the interval may have at most.
    """
    for size in range(max(2, least), most + 1):
        if student_quantile(size - 1, level) * spread / size**0.5 < half_width:
            return size
    return None


def ratio_interval(
    over: float, under: float, covariance: tuple[float, float, float], quantile: float
) -> tuple[float, float]:
    """Return Fieller's confidence interval for the ratio `over / under` of two approximately normal estimates.

    The upper end is infinite where `under` may be 0. covariance: var(over), cov, var(under).
    It holds all r for which |over − r·under| is at most `quantile` standard errors (Fieller 1954).
    """
    t = quantile**2
    a, b, c = under**2 - t * covariance[2], over * under - t * covariance[1], over**2 - t * covariance[0]
    root = sqrt(max(b * b - a * c, 0.0))
    if a > 0:
        return (b - root) / a, (b + root) / a
    return (0.0 if c <= 0 or a == 0 else (b - root) / a), inf
