"""The quantile of what has been seen so far: one of the values, never a number between two."""

import math
from collections.abc import Sequence


def quantile(ascending: Sequence[float], share: float) -> float:
    """Return the least value that at least `share` of them do not exceed (Hyndman & Fan 1996, definition 1)."""
    return ascending[max(math.ceil(share * len(ascending)), 1) - 1]
