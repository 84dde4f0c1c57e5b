"""The confidence interval of a mean, and the chance of so large a ratio of variances."""

from collections.abc import Sequence
from statistics import fmean, stdev

LEVEL = 0.95  # of the intervals that are shown


def mean_interval(values: Sequence[float], level: float = LEVEL) -> tuple[float, float]:
    """Return Student's confidence interval of the mean; of a single value none is known: NaN."""
    if len(values) < 2:
        return float("nan"), float("nan")
    from scipy.special import stdtrit

    half = float(stdtrit(len(values) - 1, (1 + level) / 2)) * stdev(values) / len(values) ** 0.5
    centre = fmean(values)
    return centre - half, centre + half


def tail_of_f(statistic: float, above: int, below: int) -> float:
    """Return the chance of an F larger than that, with so many degrees of freedom above and below."""
    from scipy.special import fdtrc

    return float(fdtrc(above, below, statistic))
