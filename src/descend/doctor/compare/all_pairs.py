"""Compare all pairs of scripts from their costs on the same seeds, with one error rate for all pairs together.

The error rate is held by the step-down procedure of Holm 1979, "A simple sequentially rejective multiple test
procedure", §3, in each round of runs. A difference that is shown in one round stays shown, and the other pairs share
its part of the error rate: Ye et al. 2013, "A group sequential Holm procedure with multiple primary endpoints", §2.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import inf
from statistics import fmean

from descend.core.interval import student_p_value
from descend.doctor.prove.judgement import MARGIN, ChangeVerdict, Judgement, judge
from descend.doctor.trials.statistics import LOOK, paired_log_ratios

Costs = Mapping[int, float]  # seed -> final cost; NaN or infinity for a diverged run
Pair = tuple[int, int]  # numbers of two scripts, the smaller one first


@dataclass(frozen=True)
class AllPairs:
    """The judgements on all pairs of scripts. Script 0 is the current setting."""

    judgements: Mapping[Pair, Judgement]  # for each pair (i, j), whether script j is better or worse than script i
    log_ratios: tuple[float, ...]  # for each script, the mean logarithm of its cost / cost of script 0
    margin: float

    def judgement(self, before: int, after: int) -> Judgement:
        """Return the judgement on the script `after`, compared with the script `before`."""
        if before < after:
            return self.judgements[before, after]
        return self.judgements[after, before].exchanged(self.margin)

    def is_better(self, script: int, other: int) -> bool:
        """Return whether a script is better than another one with confidence, and not equivalent within the margin."""
        return self.judgement(other, script).verdict == ChangeVerdict.HELPS

    @property
    def best(self) -> tuple[int, ...]:
        """The scripts that are not clearly worse than any other, in the order of their mean costs."""
        numbers = range(len(self.log_ratios))
        best = [i for i in numbers if not any(self.is_better(j, i) for j in numbers if j != i)]
        return tuple(sorted(best or numbers, key=lambda script: self.log_ratios[script]))

    def ties(self, script: int) -> tuple[int, ...]:
        """Return the other scripts that are neither clearly better nor clearly worse than a script."""
        same = (ChangeVerdict.EQUIVALENT, ChangeVerdict.UNDECIDED)
        others = (other for other in range(len(self.log_ratios)) if other != script)
        return tuple(other for other in others if self.judgement(script, other).verdict in same)


def compare_all_pairs(
    costs: Sequence[Costs], rounds: Sequence[Collection[int]], margin: float = MARGIN, level: float = LOOK
) -> AllPairs:
    """Compare all pairs of scripts.

    costs: the costs of each script by seed, those of the current setting first. Each pair is compared on the seeds
    that both scripts have. rounds: the seeds of each round of runs. level: the confidence level of each round, for all
    pairs together.
    """
    pairs = list(combinations(range(len(costs)), 2))
    different: dict[Pair, tuple[float, Judgement]] = {}  # pair -> the level and the judgement when it was decided
    seeds = set[int]()
    for new_seeds in rounds:
        seeds.update(new_seeds)
        p_values = {pair: _p_value(costs, pair, seeds) for pair in pairs if pair not in different}
        for pair in sorted(p_values, key=lambda pair: p_values[pair]):
            each = _shared_level(level, len(pairs) - len(different))
            if p_values[pair] > 1 - each:
                break
            different[pair] = each, judge(*_shared_costs(costs, pair, seeds), margin, each)
    each = _shared_level(level, len(pairs) - len(different))
    judgements = {}
    for pair in pairs:
        shown_level, shown = different.get(pair, (each, None))
        latest = judge(*_shared_costs(costs, pair, seeds), margin, shown_level)
        stays = shown is not None and latest.verdict == ChangeVerdict.UNDECIDED and not latest.reason
        judgements[pair] = shown if shown is not None and stays else latest
    log_ratios = [_mean_log_ratio(costs, script, seeds) for script in range(len(costs))]
    return AllPairs(judgements, tuple(log_ratios), margin)


def _shared_level(level: float, pairs: int) -> float:
    """Return the confidence level of each of several pairs that share the error rate of `level`."""
    return 1 - (1 - level) / max(1, pairs)


def _shared_costs(costs: Sequence[Costs], pair: Pair, seeds: Collection[int]) -> tuple[list[float], list[float]]:
    """Return the costs of both scripts of a pair on the seeds that both have."""
    before, after = (costs[script] for script in pair)
    shared = [seed for seed in sorted(seeds) if seed in before and seed in after]
    return [before[seed] for seed in shared], [after[seed] for seed in shared]


def _p_value(costs: Sequence[Costs], pair: Pair, seeds: Collection[int]) -> float:
    """Return the p-value of the hypothesis that the mean logarithm of the cost ratio of a pair is 0."""
    return student_p_value(paired_log_ratios(*_shared_costs(costs, pair, seeds)))


def _mean_log_ratio(costs: Sequence[Costs], script: int, seeds: Collection[int]) -> float:
    """Return the mean logarithm of the cost ratio of a script and the current setting; infinity without runs."""
    log_ratios = paired_log_ratios(*_shared_costs(costs, (0, script), seeds))
    return fmean(log_ratios) if log_ratios else inf
