"""The error rates of comparing several choices: how often equal ones are called different, and real gains are shown."""

from collections.abc import Sequence

from numpy import exp, log
from numpy.random import Generator, default_rng

from descend.doctor.compare.all_pairs import AllPairs, compare_all_pairs
from descend.doctor.compare.decision import OwnTuning, undecided_scripts
from descend.doctor.prove.judgement import MARGIN, ChangeVerdict
from descend.doctor.trials.confirm import LOOKS

SPREAD = 0.1  # relative standard deviation of the costs of one script over the seeds
DIFFERENT = (ChangeVerdict.HELPS, ChangeVerdict.HARMS)


def family_error(scripts: int, comparisons: int, seeds: int = 5, spread: float = SPREAD, seed: int = 0) -> float:
    """Return the share of comparisons of equal scripts in which at least one pair is called different."""
    random = default_rng(seed)
    compared = (compare_in_rounds([1.0] * scripts, seeds, spread, random) for _ in range(comparisons))
    return sum(any(j.verdict in DIFFERENT for j in pairs.judgements.values()) for pairs in compared) / comparisons


def power(scripts: int, comparisons: int, seeds: int = 5, gain: float = 0.2, spread: float = SPREAD) -> float:
    """Return the share of comparisons in which the only better script is called better than the current setting."""
    random = default_rng(0)
    costs = [1.0] * (scripts - 1) + [1 - gain]
    compared = (compare_in_rounds(costs, seeds, spread, random) for _ in range(comparisons))
    return sum(pairs.is_better(scripts - 1, 0) for pairs in compared) / comparisons


def compare_in_rounds(costs: Sequence[float], seeds: int, spread: float, random: Generator) -> AllPairs:
    """Return the comparison of scripts with these median costs and log-normal noise, in rounds as the command runs.

    Half of the variance is common to all scripts with the same seed, as from the same batches. Only undecided scripts
    get seeds in the second round.
    """
    noise = random.normal(0, log(1 + spread), (2, len(costs), LOOKS * seeds))
    logs = log(costs)[:, None] + (noise[0] + noise[1][:1]) / 2**0.5
    drawn = [dict(enumerate(map(float, row))) for row in exp(logs)]
    rounds = [range(look * seeds, (look + 1) * seeds) for look in range(LOOKS)]
    known = [{seed: row[seed] for seed in rounds[0]} for row in drawn]
    pairs = compare_all_pairs(known, rounds[:1], MARGIN)
    needed = undecided_scripts(pairs, (), OwnTuning.TUNED)
    if not needed:
        return pairs
    for script in (0, *needed):
        known[script].update({seed: drawn[script][seed] for seed in rounds[1]})
    return compare_all_pairs(known, rounds, MARGIN)


if __name__ == "__main__":
    for number in range(2, 7):
        print(f"{number} scripts: family-wise error {family_error(number, 2000):.3f}, power {power(number, 500):.2f}")
