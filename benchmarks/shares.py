"""Exact intervals for shares: in how many of all cases something happens.

Clopper & Pearson 1934, "The use of confidence or fiducial limits illustrated in the case of the binomial".
"""

from scipy.special import betaincinv

LEVEL = 0.95


def share_interval(count: int, total: int, level: float = LEVEL) -> tuple[float, float]:
    """Return the two-sided interval of a probability, after `count` successes in `total` independent cases."""
    tail = (1 - level) / 2
    return _lower_limit(count, total, tail), upper_limit(count, total, 1 - tail)


def upper_limit(count: int, total: int, level: float = LEVEL) -> float:
    """Return the one-sided upper limit of a probability."""
    return float(betaincinv(count + 1, total - count, level)) if count < total else 1.0


def _lower_limit(count: int, total: int, tail: float) -> float:
    return float(betaincinv(count, total - count + 1, tail)) if count else 0.0


def share(count: int, total: int) -> str:
    """Return a share with its interval, for a table."""
    if not total:
        return "none measured"
    low, high = share_interval(count, total)
    return f"{count} of {total} ({100 * low:.1f} to {100 * high:.1f} %)"
