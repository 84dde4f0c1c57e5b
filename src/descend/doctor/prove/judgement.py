"""Judge the costs of an unchanged and a changed script, in pairs of runs with the same seed: better, worse or equal.

Two costs are equivalent if the confidence interval of their relative difference is within a margin: the two one-sided
tests of Schuirmann 1987, "A comparison of the two one-sided tests procedure and the power approach", §2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf, log1p, nan
from statistics import fmean, stdev

from descend.core.bound import Bound, Count
from descend.core.interval import sample_size
from descend.doctor.trials.statistics import LOOK, compare, paired_log_ratios

MARGIN = Bound(
    0.1,
    "relative difference of the cost",
    "chosen: half of the gain that makes an edit worthwhile for the doctor, which is a fifth",
)
MEAN_DISAGREES = "the typical seed and the mean disagree, because a few runs end far from the others"
MOST_SEEDS = Count(1000, "seeds", "the largest number that --seeds accepts")


class ChangeVerdict(StrEnum):
    """The verdict on a change. The values are part of the JSON report."""

    HELPS = "helps"  # the metric is better with the change
    HARMS = "harms"  # the metric is worse with the change
    EQUIVALENT = "equivalent"  # the metric differs by less than the margin
    UNDECIDED = "undecided"  # more seeds are needed
    NO_EFFECT = "no_effect"  # the runs are bit-for-bit identical
    FAILS = "fails"  # the changed script fails
    NOT_COMPARABLE = "not_comparable"  # the runs have other targets, or no common metric


EXCHANGED = {ChangeVerdict.HELPS: ChangeVerdict.HARMS, ChangeVerdict.HARMS: ChangeVerdict.HELPS}


@dataclass(frozen=True)
class Judgement:
    """The verdict on the costs of pairs of runs, with the relative difference after/before − 1 of the costs."""

    verdict: ChangeVerdict
    difference: tuple[float, float]  # confidence interval of the relative difference; below 0, the change is better
    is_no_worse: bool  # whether the relative difference is below the margin with confidence
    more_seeds: int | None = None  # number of further seeds that would probably decide; None if decided or unknown
    reason: str = ""  # why more seeds might not decide; "" if they would

    def exchanged(self, margin: float) -> "Judgement":
        """Return the judgement with the roles of the two scripts exchanged."""
        low, high = (1 / (1 + end) - 1 if end != -1 else inf for end in reversed(self.difference))
        verdict = EXCHANGED.get(self.verdict, self.verdict)
        return Judgement(verdict, (low, high), high <= margin, self.more_seeds, self.reason)


def judge(before: Sequence[float], after: Sequence[float], margin: float = MARGIN, level: float = LOOK) -> Judgement:
    """Judge the costs of runs with the same seeds.

    before, after: the costs of the unchanged and of the changed script; NaN or infinity for a diverged run.
    level: the confidence level of the interval of the relative difference. Fewer than two pairs decide nothing.
    """
    if len(before) < 2:
        return Judgement(ChangeVerdict.UNDECIDED, (nan, nan), is_no_worse=False)
    result = compare(before, after, level)
    low, high = -result.gain[1], -result.gain[0]
    is_no_worse = high <= margin
    if -_largest_decrease(margin) <= low and high <= margin:
        return Judgement(ChangeVerdict.EQUIVALENT, (low, high), is_no_worse)
    if high < 0 and result.after > result.before or low > 0 and result.after < result.before:
        return Judgement(ChangeVerdict.UNDECIDED, (low, high), is_no_worse=False, reason=MEAN_DISAGREES)
    if high < 0:
        return Judgement(ChangeVerdict.HELPS, (low, high), is_no_worse)
    if low > 0:
        return Judgement(ChangeVerdict.HARMS, (low, high), is_no_worse)
    further = _further_seeds(paired_log_ratios(before, after), margin, level)
    return Judgement(ChangeVerdict.UNDECIDED, (low, high), is_no_worse, further)


def _largest_decrease(margin: float) -> float:
    """Return the relative decrease that is as large as an increase by `margin`: the ratio is its reciprocal."""
    return margin / (1 + margin)


def _further_seeds(log_ratios: Sequence[float], margin: float, level: float) -> int | None:
    """Return how many more seeds would decide if mean and spread of the log ratios stay the same; None if unknown."""
    if len(log_ratios) < 2:
        return None
    centre, spread = abs(fmean(log_ratios)), stdev(log_ratios)
    # The interval must exclude 0 or lie within the margin, whichever needs fewer seeds.
    half_width = max(centre, log1p(margin) - centre)
    seeds = sample_size(spread, half_width, level, len(log_ratios) + 1, MOST_SEEDS)
    return None if seeds is None else seeds - len(log_ratios)
