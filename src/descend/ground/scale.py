"""How values that are drawn become heights or shades: as they are or by their logarithm, up to a cap."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

LOG_DECADES = 2.0  # a wider positive range is drawn on a logarithmic axis
CAPPED = 10.0  # times as far from the least value as the median is: what lies beyond would leave one shade to the rest


def needs_log(values: Iterable[float]) -> bool:
    """Tell whether these values are positive and span more than `LOG_DECADES` decades."""
    finite = [value for value in values if math.isfinite(value)]
    return bool(finite) and min(finite) > 0 and math.log10(max(finite)) - math.log10(min(finite)) > LOG_DECADES


@dataclass(frozen=True)
class Scale:
    """The least value drawn, the largest, and whether the logarithm (of base 10) is taken."""

    low: float
    high: float
    is_log: bool
    is_capped: bool  # some values are larger than `high`, and drawn as it

    def __call__(self, value: float) -> float:
        """Return what is drawn of a value; of one that is not finite, what is drawn of the largest."""
        within = min(max(value, self.low), self.high) if math.isfinite(value) else self.high
        return math.log10(within) if self.is_log else within

    def value(self, drawn: float) -> float:
        """Return the value of what is drawn."""
        return 10**drawn if self.is_log else drawn


def scale_of(values: Iterable[float]) -> Scale:
    """Return the scale that values need, whichever of them are finite; from 0 to 1 where none is."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return Scale(0.0, 1.0, False, False)
    plain = Scale(min(finite), max(finite), needs_log(finite), False)
    middle, lowest, highest = (plain(value) for value in (median(finite), plain.low, plain.high))
    cap = lowest + CAPPED * (middle - lowest)
    if not lowest < cap < highest:
        return plain
    return Scale(plain.low, plain.value(cap), plain.is_log, True)
