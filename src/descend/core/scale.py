"""The scale of drawn values: linear or logarithmic, with a cap for outliers."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

LOG_DECADES = 2.0  # positive values that span more than this many decades are drawn on a logarithmic axis
# A value is capped if its distance from the smallest value is more than this many times that of the median.
CAPPED = 10.0


def needs_log(values: Iterable[float]) -> bool:
    """Return whether values need a logarithmic axis: all are positive and they span more than `LOG_DECADES` decades."""
    finite = [value for value in values if math.isfinite(value)]
    return bool(finite) and min(finite) > 0 and math.log10(max(finite)) - math.log10(min(finite)) > LOG_DECADES


@dataclass(frozen=True)
class Scale:
    """The range of values that a figure shows, and whether its axis is linear or logarithmic (base 10)."""

    low: float
    high: float
    is_log: bool
    is_capped: bool  # whether some values exceed `high` and are therefore drawn at `high`

    def __call__(self, value: float) -> float:
        """Return the drawn position of a value, clipped to the range; one that is not finite is drawn at `high`."""
        within = min(max(value, self.low), self.high) if math.isfinite(value) else self.high
        return math.log10(within) if self.is_log else within

    def value_at(self, drawn: float) -> float:
        """Return the value at a position on the axis. On a logarithmic axis, the position is the value's logarithm."""
        return 10**drawn if self.is_log else drawn


def choose_scale(values: Iterable[float]) -> Scale:
    """Choose the linear or logarithmic scale on which a figure shows these values. Only finite values count.

    If no value is finite, the scale is linear and runs from 0 to 1.
    """
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return Scale(0.0, 1.0, False, False)
    plain = Scale(min(finite), max(finite), needs_log(finite), False)
    middle, lowest, highest = (plain(value) for value in (median(finite), plain.low, plain.high))
    cap = lowest + CAPPED * (middle - lowest)
    if not lowest < cap < highest:
        return plain
    return Scale(plain.low, plain.value_at(cap), plain.is_log, True)
