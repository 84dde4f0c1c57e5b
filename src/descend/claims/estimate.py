"""The figure of a condition with its interval, from the results of several seeds; and how many seeds would decide.

The statistics are those of `descend compare`: paired logarithms of cost ratios, Student's interval, the interval of a
median by the sign test, and two rounds of seeds with one error rate (Pocock 1977).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import comb, exp, inf, isfinite, isnan, log, nan
from statistics import fmean, median, stdev

from descend.claims.claim import Expected, Measured, Scale
from descend.core.bound import Bound, Count
from descend.core.interval import mean_interval, sample_size, student_p_value
from descend.doctor.compare.targets import median_interval
from descend.doctor.trials.statistics import LOOK, paired_log_ratios

FIRST_SEEDS = Count(7, "seeds", "arithmetic: the interval of a median of fewer values has no level of 97 %")
MOST_SEEDS = Count(30, "seeds", "chosen: a difference that needs more seeds does not matter in a single training")
TESTS = Count(150, "tests", "arithmetic: the number of claims times their conditions, rounded up")
STRICT = Bound(1 - (1 - LOOK) / TESTS, "confidence level", "arithmetic: all tests of the gallery share one error rate")


class Answer(StrEnum):
    """Whether a claim holds in one condition."""

    HOLDS = "holds"
    FAILS = "does not hold"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Estimate:
    """The figure of one condition."""

    centre: float
    low: float  # the interval's ends, at the confidence level of one of two rounds of seeds
    high: float
    seeds: int
    answer: Answer
    p_value: float  # of the answer; of the nearest one if undecided
    more_seeds: int | None = None  # how many further seeds would probably decide; None if decided or too many

    @property
    def is_certain(self) -> bool:
        """Whether the answer remains if all tests of the gallery share one error rate."""
        return self.answer != Answer.UNDECIDED and self.p_value <= 1 - STRICT


def estimate(scale: Scale, expected: Expected, measured: Sequence[Measured]) -> Estimate:
    """Return the figure of one condition from the results of its seeds."""
    values = test_values(scale, measured)
    limit = log if scale == Scale.RATIO else float
    if scale == Scale.STEPS:
        centre, (low, high) = (median(values) if values else nan), median_interval(values, LOOK)
    else:
        centre, (low, high) = (fmean(values) if values else nan), mean_interval(values, LOOK)
    if scale == Scale.RATIO:
        centre, low, high = (_exp(value) for value in (centre, low, high))
    answer = answer_of(expected, low, high)
    bounds = [bound for bound in _tested_bounds(expected, answer, centre) if isfinite(bound)]
    tested = [_p_value(scale, values, limit(bound)) for bound in bounds]
    p_value = (min if answer == Answer.FAILS else max)(tested, default=1.0)
    more = _more_seeds(scale, values, [limit(bound) for bound in bounds]) if answer == Answer.UNDECIDED else None
    return Estimate(centre, low, high, len(measured), answer, p_value, more)


def seeds_of_second_round(scale: Scale, expected: Expected, measured: Sequence[Measured]) -> int:
    """Return how many seeds the second round needs, by the spread of the first one: at most `MOST_SEEDS`.

    With so many, the interval is half as wide as the smallest relevant difference, so that one answer is certain.
    """
    values = test_values(scale, measured)
    if scale == Scale.STEPS or len(values) < 2:
        return int(MOST_SEEDS)
    limits = [abs(limit) for limit in (expected.low, expected.high) if isfinite(limit)]
    relevant = expected.relevant * (1.0 if scale == Scale.RATIO else min(limits, default=1.0))
    return sample_size(stdev(values), relevant / 2, STRICT, len(measured) + 1, MOST_SEEDS) or int(MOST_SEEDS)


def test_values(scale: Scale, measured: Sequence[Measured]) -> list[float]:
    """Return the values whose mean or median is tested: logarithms of ratios, ratios of steps, or plain values."""
    if scale == Scale.VALUE:
        return [value for (value,) in measured]
    first, second = [pair[0] for pair in measured], [pair[1] for pair in measured]
    if scale == Scale.RATIO:
        return paired_log_ratios(second, first)
    ratios = [a / b if isfinite(b) else nan for a, b in zip(first, second)]
    return [ratio for ratio in ratios if not isnan(ratio)]


def answer_of(expected: Expected, low: float, high: float) -> Answer:
    """Return what an interval shows if there are no other claims; NaN shows nothing."""
    least, most = expected.refuting
    if high < least or low > most:
        return Answer.FAILS
    return Answer.HOLDS if low >= expected.low and high <= expected.high else Answer.UNDECIDED


def _tested_bounds(expected: Expected, answer: Answer, centre: float) -> tuple[float, ...]:
    """Return the limits against which an answer is tested."""
    if answer == Answer.FAILS or answer == Answer.UNDECIDED and not expected.low <= centre <= expected.high:
        least, most = expected.refuting
        return (least,) if centre < least else (most,)
    return expected.low, expected.high


def _p_value(scale: Scale, values: Sequence[float], limit: float) -> float:
    """Return the two-sided p-value of the hypothesis that the figure is at a limit."""
    if scale != Scale.STEPS:
        return student_p_value([value - limit for value in values])
    known = [value for value in values if value != limit]
    fewer, number = min(sum(v < limit for v in known), sum(v > limit for v in known)), len(known)
    return min(1.0, 2 * sum(comb(number, k) for k in range(fewer + 1)) / 2**number) if known else 1.0


def _more_seeds(scale: Scale, values: Sequence[float], limits: Sequence[float]) -> int | None:
    """Return how many further seeds would decide if mean and spread stay the same; None if unknown."""
    if scale == Scale.STEPS or len(values) < 2 or not limits:
        return None
    distance = min(abs(fmean(values) - limit) for limit in limits)
    size = sample_size(stdev(values), distance, LOOK, len(values) + 1) if distance else None
    return None if size is None else size - len(values)


def _exp(value: float) -> float:
    """Return the exponential; infinity if it is too large."""
    return inf if value > 700 else exp(value)
