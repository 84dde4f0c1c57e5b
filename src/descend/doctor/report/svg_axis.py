"""The axes of a static chart: the range of values, positions on it, and labelled ticks."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from descend.doctor.report.formatting import LARGEST_PLAIN, NO_BREAK_SPACE, SUPERSCRIPTS, percent

MOST_DECIMALS = 6  # Labels that need more decimals have powers of ten.
MOST_TICKS = 6  # largest number of labels on an axis
ROUND_STEPS = (1, 2, 2.5, 5, 10)  # distances between neighbouring ticks, times a power of ten
PAD = 0.05  # free space at both ends of an axis without a fixed range, as a share of its length
# Larger values are drawn at `LARGEST`, and narrower ranges like one value: in both, differences stay normal numbers.
LARGEST, NARROWEST = 1e300, 1e-300
EXPONENTS = (-307, 308)  # smallest and largest exponents of ten whose power is a normal number
SAME = 1e-9  # Two values with a smaller relative difference are drawn at one place.


@dataclass(frozen=True)
class Tick:
    """A labelled value of an axis. share: its position on the axis, from 0 to 1."""

    share: float
    label: str


@dataclass(frozen=True)
class Axis:
    """A linear or logarithmic axis. low, high: its ends; on a logarithmic axis, they are decimal logarithms."""

    low: float
    high: float
    is_log: bool
    ticks: tuple[Tick, ...] = ()

    def share(self, value: float) -> float | None:
        """Return the position of a value on the axis, from 0 to 1; None if the axis cannot show the value."""
        return _share(value, self.low, self.high, self.is_log)


def make_axis(settings: Mapping[str, Any], values: Sequence[float]) -> Axis:
    """Return the axis for some values. settings: its Plotly settings, such as `type`, `range` or `tickvals`."""
    is_log = settings.get("type") == "log"
    places = [_place(v, is_log) for v in values if math.isfinite(v) and (v > 0 or not is_log)]
    low, high = settings.get("range") or _padded_range(places, from_zero=settings.get("rangemode") == "tozero")
    if settings.get("showticklabels") is False:
        return Axis(low, high, is_log)
    tick_values = _tick_values(settings, low, high, is_log)
    labels = settings.get("ticktext") or _tick_labels(tick_values, is_log, settings.get("tickformat", ""))
    shares = [_share(value, low, high, is_log) for value in tick_values]
    ticks = (Tick(share, label) for share, label in zip(shares, labels) if share is not None and is_on(share))
    return Axis(low, high, is_log, tuple(ticks))


def is_on(share: float) -> bool:
    """Return whether a position is on the axis, which is from 0 to 1."""
    return -SAME <= share <= 1 + SAME


def _share(value: float, low: float, high: float, is_log: bool) -> float | None:
    """Return the position of a value between two ends, from 0 to 1; None if the axis cannot show the value."""
    if not math.isfinite(value) or (is_log and value <= 0):
        return None
    return (_place(value, is_log) - low) / (high - low)


def _place(value: float, is_log: bool) -> float:
    """Return the number that the axis shows for a value: its decimal logarithm, or the value within ±`LARGEST`."""
    return math.log10(value) if is_log else min(max(value, -LARGEST), LARGEST)


def _padded_range(values: Sequence[float], *, from_zero: bool) -> tuple[float, float]:
    """Return the ends of an axis that shows all values, with free space at both ends."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    largest = max(abs(low), abs(high))
    if high - low <= max(SAME * largest, NARROWEST):
        half = 0.5 * abs(low) if largest > NARROWEST / SAME else 0.5
        low, high = low - half, high + half
    pad = PAD * (high - low)
    return (0.0 if from_zero and low >= 0 else low - pad), high + pad


def _tick_values(settings: Mapping[str, Any], low: float, high: float, is_log: bool) -> list[float]:
    """Return the values of the ticks: the given ones, powers of ten, or multiples of a round number."""
    if "tickvals" in settings:
        return list(settings["tickvals"])
    if is_log:
        stride = settings.get("dtick") or math.ceil((high - low) / MOST_TICKS) or 1
        first = math.ceil(low / stride)
        exponents = [k * stride for k in range(first, math.floor(high / stride) + 1)]
        return [10.0**exponent for exponent in exponents if EXPONENTS[0] <= exponent <= EXPONENTS[1]]
    stride = settings.get("dtick") or round_step((high - low) / MOST_TICKS)
    return [k * stride for k in range(math.ceil(low / stride - SAME), math.floor(high / stride + SAME) + 1)]


def round_step(least: float) -> float:
    """Return the smallest round distance between ticks that is at least `least`: 1, 2, 2.5 or 5 times a power of ten.

    This is the choice of Heckbert 1990 (Nice numbers for graph labels, Graphics Gems), with 2.5 added.
    """
    power = 10.0 ** math.floor(math.log10(least))
    return next((m * power for m in ROUND_STEPS if m * power >= least * (1 - SAME)), 10 * power)


def _tick_labels(places: Sequence[float], is_log: bool, tickformat: str) -> list[str]:
    """Return the labels of the ticks: percentages for shares, powers of ten on a logarithmic axis, else numbers.

    Numbers have as many decimals as the distance between two ticks needs.
    """
    stride = min((after - before for before, after in zip(places, places[1:])), default=1.0)
    if tickformat.endswith("%"):
        return [percent(value, max(0, math.ceil(-math.log10(100 * stride) - SAME))) for value in places]
    if is_log:
        return [_power_of_ten(round(math.log10(value))) for value in places]
    largest = max((abs(value) for value in places), default=0.0)
    decimals = next((d for d in range(MOST_DECIMALS) if abs(round(stride, d) - stride) <= SAME * stride), None)
    if decimals is None or largest >= LARGEST_PLAIN:
        digits = max(0, math.floor(math.log10(largest)) - math.floor(math.log10(stride)) + 1) if largest else 0
        return [_in_scientific_notation(value, digits) for value in places]
    return [f"{value:,.{decimals}f}".replace(",", NO_BREAK_SPACE).replace("-", "−") for value in places]


def _power_of_ten(exponent: int) -> str:
    """Return a power of ten as the label of a tick: `10⁻²`, `1`, `10`."""
    return {0: "1", 1: "10"}.get(exponent, "10" + str(exponent).translate(SUPERSCRIPTS))


def _in_scientific_notation(value: float, digits: int) -> str:
    """Return a number with at most `digits` digits after the point and a power of ten: `1.02×10⁶`; `0` for zero."""
    if abs(value) < 1e-300:
        return "0"
    mantissa, exponent = f"{value:.{digits}e}".split("e")
    short = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return short.replace("-", "−") + "×10" + str(int(exponent)).translate(SUPERSCRIPTS)
