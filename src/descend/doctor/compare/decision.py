"""Decide from the judgements on all pairs of scripts whether to keep, tune or switch the current setting."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from math import exp

from descend.core.bound import Bound
from descend.doctor.compare.all_pairs import AllPairs
from descend.doctor.compare.result import CompareVerdict
from descend.doctor.prove.judgement import ChangeVerdict

SMALL_GAIN = Bound(
    2.0,
    "ratio of the costs of the current setting and another choice",
    "chosen: a larger gain usually comes from the learning rate, so the current optimizer must have been tuned, too",
)


class OwnTuning(Enum):
    """How well the current optimizer has been tuned. Its best values may be the current ones."""

    NOT_TUNED = "not tuned"
    TOO_FEW_RUNS = "tuned with so few runs that a better value may have been missed"
    TUNED = "tuned"


@dataclass(frozen=True)
class Decision:
    """A verdict, the recommended script, and the number of further seeds that would probably decide."""

    verdict: CompareVerdict
    script: int = 0  # 0 for the current setting
    more_seeds: int | None = None


def decide(pairs: AllPairs, own: Collection[int], tuning: OwnTuning) -> Decision:
    """Return the verdict on all scripts. Script 0 is the current setting.

    own: the scripts that only tune the current optimizer. tuning: how well it has been tuned.
    """
    best = pairs.best
    if 0 in best:
        doubts = [pairs.judgement(0, script) for script in _possibly_better(pairs)]
        if not doubts:
            return Decision(CompareVerdict.KEEP)
        numbers = [doubt.more_seeds for doubt in doubts if doubt.more_seeds is not None]
        return Decision(CompareVerdict.UNDECIDED, more_seeds=max(numbers) if len(numbers) == len(doubts) else None)
    if tuned := [script for script in best if script in own]:
        if better := [script for script in _better_than_current(pairs) if script in own]:
            return Decision(CompareVerdict.TUNE, better[0])
        return Decision(CompareVerdict.UNDECIDED, more_seeds=pairs.judgement(0, tuned[0]).more_seeds)
    if not (better := _better_than_current(pairs)):
        return Decision(CompareVerdict.UNDECIDED, more_seeds=pairs.judgement(0, best[0]).more_seeds)
    needs_no_tuning = tuning == OwnTuning.NOT_TUNED and has_small_gain(pairs, better[0])
    if tuning != OwnTuning.TUNED and not needs_no_tuning:
        return Decision(CompareVerdict.UNDECIDED)
    return Decision(CompareVerdict.SWITCH, better[0])


def has_small_gain(pairs: AllPairs, script: int) -> bool:
    """Return whether a script's gain is so small that the current optimizer need not have been tuned for comparison."""
    return exp(-pairs.log_ratios[script]) <= SMALL_GAIN


def undecided_scripts(pairs: AllPairs, own: Collection[int], tuning: OwnTuning) -> tuple[int, ...]:
    """Return the scripts, other than the current setting, whose runs on further seeds could decide.

    They are the leader and the scripts that may be better than the leader or than the current setting.
    """
    verdict, leader = decide(pairs, own, tuning).verdict, pairs.best[0]
    is_unattributed = not {0, *own}.intersection(pairs.best) and bool(_better_than_current(pairs))
    if verdict == CompareVerdict.KEEP or verdict == CompareVerdict.UNDECIDED and is_unattributed:
        return ()
    undecided = {s for s in pairs.best[1:] if pairs.judgement(leader, s).verdict == ChangeVerdict.UNDECIDED}
    if verdict == CompareVerdict.UNDECIDED:
        undecided.update(_possibly_better(pairs))
    return tuple(sorted({leader, *undecided} - {0})) if undecided else ()


def _better_than_current(pairs: AllPairs) -> list[int]:
    """Return the scripts among the best ones that are clearly better than the current setting."""
    return [script for script in pairs.best if pairs.is_better(script, 0)]


def _possibly_better(pairs: AllPairs) -> list[int]:
    """Return the scripts among the best ones that may be better than the current setting by more than the margin."""
    return [script for script in pairs.best if script and not pairs.judgement(script, 0).is_no_worse]
