"""The empirical quantile without interpolation."""

import math
from collections.abc import Sequence


def quantile(ascending: Sequence[float], share: float) -> float:
    """Return the smallest value v such that at least `share` of the values are at most v.

    ascending: the sorted values. Hyndman & Fan 1996, definition 1.
    """
    return ascending[max(math.ceil(share * len(ascending)), 1) - 1]
