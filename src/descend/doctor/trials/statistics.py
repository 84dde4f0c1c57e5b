"""The statistics of a trial: paired runs, confidence intervals, and limits that are fixed before any trial."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, isfinite, log
from statistics import fmean

from descend.core.bound import Bound
from descend.core.interval import mean_interval

MINIMUM_EFFECT = Bound(
    0.2, "relative decrease of the evaluation metric", "chosen: a gain of less than a fifth is not worth an edit"
)
LARGER_MINIMUM_EFFECT = Bound(
    0.5,
    "relative decrease of the evaluation metric",
    "chosen: more steps or more parameters always bring some gain, so such an edit must halve the metric",
)
MARGIN = Bound(
    0.25,
    "share of the lowest cost by which another cost may exceed it",
    "chosen: remedies whose costs differ by less count as equally good, and the simplest edit is used",
)
NEGLIGIBLE = Bound(0.01, "share of the cost", "chosen: all costs below this share count as equally good")
LOOK = Bound(
    0.9706,
    "confidence level of each of two rounds of runs",
    "with this level, the error rate of both rounds together is 5 %: Pocock 1977, table 1",
)
VANISHING = Bound(1e-12, "cost", "chosen: all smaller costs count as equal")
DIVERGED_COST = Bound(10.0, "multiple of the highest finite cost", "chosen: a diverged run counts as having this cost")


@dataclass(frozen=True)
class Comparison:
    """A comparison of the costs of the unchanged and the changed script, in pairs of runs with the same seed."""

    before: float  # mean cost of the unchanged script; infinity if one of its runs diverged
    after: float  # mean cost of the changed script; infinity if one of its runs diverged
    interval: tuple[float, float]  # 95 % confidence interval of the mean cost of the changed script
    difference: tuple[float, float]  # 95 % confidence interval of the mean of changed − unchanged cost
    # confidence interval of the gain 1 − after/before; each seed's ratio is limited to a factor of 100
    gain: tuple[float, float]

    @property
    def typical_gain(self) -> float:
        """The gain 1 − after/before, where after/before is the geometric mean over the seeds."""
        return 1 - ((1 - self.gain[0]) * (1 - self.gain[1])) ** 0.5

    def is_open(self, least: float = MINIMUM_EFFECT) -> bool:
        """Return whether more seeds might decide: the gain is large enough, but its confidence interval includes 0."""
        return self.gain[0] <= 0 and self.typical_gain >= least

    def wins(self, least: float = MINIMUM_EFFECT) -> bool:
        """Return whether the gain is at least the minimum effect and its confidence interval excludes 0.

        The mean cost must decrease as much. Only the mean shows that a few seeds become far worse or diverge.
        """
        return self.is_typical_win(least) and shows_gain(self.before, self.after, least)

    def is_typical_win(self, least: float = MINIMUM_EFFECT) -> bool:
        """Return whether the typical gain is large and certain enough, whatever a few seeds may do."""
        return self.gain[0] > 0 and self.typical_gain >= least


def compare(before: Sequence[float], after: Sequence[float], level: float = LOOK) -> Comparison:
    """Compare the costs of two scripts on the same seeds. NaN or infinity is the cost of a diverged run.

    level: the confidence level of the interval of the gain.
    """
    b, a = _finite_costs(before, after)
    ratios = mean_interval(_log_ratios(b, a), level)
    low, high = mean_interval(a)
    return Comparison(
        fmean(b) if all(map(isfinite, before)) else inf,
        fmean(a) if all(map(isfinite, after)) else inf,
        (max(low, 0.0), high) if all(map(isfinite, after)) else (inf, inf),
        mean_interval([y - x for x, y in zip(b, a)]),
        (1 - _exp(ratios[1]), 1 - _exp(ratios[0])),
    )


def paired_log_ratios(before: Sequence[float], after: Sequence[float]) -> list[float]:
    """Return log(after/before) for each seed. Diverged runs have a high cost, and each ratio is at most 100."""
    return _log_ratios(*_finite_costs(before, after))


def _log_ratios(before: Sequence[float], after: Sequence[float]) -> list[float]:
    """Return log(after/before) for each pair of positive costs, limited to a factor of 100."""
    return [_limit_log_ratio(log(a) - log(b)) for b, a in zip(before, after)]


def _exp(value: float) -> float:
    """Return the exponential of a value, which is infinite if it is too large: two seeds have very wide intervals."""
    try:
        return exp(value)
    except OverflowError:
        return inf


def _finite_costs(before: Sequence[float], after: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return the costs of both scripts with finite, positive values in place of infinities, NaN and zeros."""
    ceiling = max(1.0, DIVERGED_COST * max([v for v in (*before, *after) if isfinite(v)], default=0.0))
    least = _replacement_for_zero(before, after)
    return [_finite_cost(v, ceiling, least) for v in before], [_finite_cost(v, ceiling, least) for v in after]


def shows_gain(before: float, after: float, least: float = MINIMUM_EFFECT) -> bool:
    """Return whether the cost `after` is lower than the cost `before` by at least the share `least`."""
    return isfinite(after) and (not isfinite(before) or (before > VANISHING and after <= (1 - least) * before))


def is_as_good(value: float, best: float) -> bool:
    """Return whether a cost is at most 25 % higher than the best cost."""
    return value <= best * (1 + MARGIN)


def removes_most_of_failure(left: float, best: float) -> bool:
    """Return whether a remedy removes most of the failure that the best remedy removes.

    left, best: the remaining cost with each of the two, as a share of the cost without them. Half of the best
    remedy's improvement on a logarithmic scale is enough, as the best one may improve other things too.
    """
    return is_as_good(left, best) or left <= max(best, NEGLIGIBLE) ** 0.5


def _limit_log_ratio(log_ratio: float) -> float:
    """Limit the log ratio of two costs to a factor of 100, so that one seed cannot outweigh all others."""
    return min(max(log_ratio, log(NEGLIGIBLE)), -log(NEGLIGIBLE))


def _replacement_for_zero(before: Sequence[float], after: Sequence[float]) -> float:
    """Return the positive value that replaces a cost of 0: half of the smallest cost (Hornung & Reed 1990).

    The logarithm of a much smaller value would make the seeds without an error dominate the spread.
    """
    some, whole = ([v for v in values if 0 < v < inf] for values in (after, (*before, *after)))
    return max(min(whole) / 2, VANISHING) if some else VANISHING


def _finite_cost(value: float, ceiling: float, least: float) -> float:
    """Replace the cost of a diverged run by `ceiling` and a cost of 0 by `least`; other costs stay the same."""
    if not isfinite(value):
        return ceiling
    return max(value, VANISHING) if value > 0 else least
