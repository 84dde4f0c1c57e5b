"""Rank the choices by their runs on fresh seeds, and answer whether to keep, tune or switch the current setting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from descend.doctor.assess.constant_predictor import predicts_constant
from descend.doctor.compare.all_pairs import AllPairs, compare_all_pairs
from descend.doctor.compare.decision import Decision, OwnTuning, decide, undecided_scripts
from descend.doctor.compare.ease import working_range
from descend.doctor.compare.next_values import is_well_tuned
from descend.doctor.compare.result import CompareVerdict, RankedChoice, TunedChoice
from descend.doctor.compare.targets import steps_to_target
from descend.doctor.prove.judgement import ChangeVerdict
from descend.doctor.prove.paired_runs import PairedRuns
from descend.doctor.prove.result import ChangeResult
from descend.doctor.script.script import Script
from descend.doctor.trials.confirm import LOOKS, fresh_seeds

NOT_RANKED = (ChangeVerdict.NO_EFFECT, ChangeVerdict.FAILS, ChangeVerdict.NOT_COMPARABLE)
BEST_IS_CURRENT = "its best values are those of the current setting"


class Ranking(NamedTuple):
    """The choices in the order of their costs, and the verdict."""

    ranked: tuple[RankedChoice, ...]  # Choices that have no effect, fail or cannot be compared are last.
    verdict: CompareVerdict
    winner: RankedChoice | None  # the recommended choice; None for the current setting
    more_seeds: int | None  # number of further seeds that would probably decide


@dataclass(frozen=True)
class _Comparison:
    """The choices that have run on fresh seeds, compared with each other and with the current setting."""

    tuned: Sequence[TunedChoice]
    results: Mapping[int, ChangeResult]  # number of the choice -> its result, without choices that have no script
    compared: Sequence[int]  # numbers of the choices that can be ranked. Choice `compared[i]` is script i + 1.
    pairs: AllPairs

    def label(self, script: int) -> str:
        """Return the label of the choice that is this script."""
        return self.tuned[self.compared[script - 1]].choice.label

    @property
    def own(self) -> list[int]:
        """The scripts that only tune the current optimizer."""
        return [i for i, number in enumerate(self.compared, 1) if self.tuned[number].choice.keeps_optimizer]

    @property
    def is_own_tuned(self) -> bool:
        """Whether the current optimizer has been tuned. Its best values may be those of the current setting."""
        unchanged = (self.tuned[n] for n, result in self.results.items() if result.verdict == ChangeVerdict.NO_EFFECT)
        return bool(self.own) or any(one.choice.keeps_optimizer and _has_effect(one) for one in unchanged)

    @property
    def tuning(self) -> OwnTuning:
        """How well the current optimizer has been tuned."""
        if any(map(_is_own_with_too_few_runs, self.tuned)):
            return OwnTuning.TOO_FEW_RUNS
        return OwnTuning.TUNED if self.is_own_tuned else OwnTuning.NOT_TUNED

    @property
    def tuned_own(self) -> int | None:
        """The best script that only tunes the current optimizer; 0 if its best values are the current ones."""
        ranked = sorted(self.own, key=lambda script: self.pairs.log_ratios[script])
        return next(iter(ranked), 0 if self.is_own_tuned else None)


def choices_to_run(script: Script, tuned: Sequence[TunedChoice]) -> list[TunedChoice]:
    """Return the tuned choices whose best script differs from the unchanged script."""
    return [one for one in tuned if one.script is not None and one.script.diff(script)]


def rank(runs: PairedRuns, tuned: Sequence[TunedChoice]) -> Ranking:
    """Rank the tuned choices by their runs on fresh seeds, and return the verdict on them."""
    comparison = _compare(runs, tuned, LOOKS)
    compared = comparison.compared
    rows = [_ranked_choice(number, comparison, runs) for number in range(len(tuned))]
    first = sorted(compared, key=lambda number: comparison.pairs.log_ratios[1 + compared.index(number)])
    last = [number for number in range(len(tuned)) if number not in compared]
    decision = _decide(comparison)
    winner = rows[compared[decision.script - 1]] if decision.script else None
    return Ranking(tuple(rows[number] for number in (*first, *last)), decision.verdict, winner, decision.more_seeds)


def unattributed_gain_message(ranked: Sequence[RankedChoice], verdict: CompareVerdict) -> str:
    """Return why a choice with a large gain is not recommended; "" if there is no such choice.

    If its gain may come from tuning alone, or the tuned optimizer may be as good but is itself not clearly better than
    the current setting, the verdict is undecided. It is also undecided if the current optimizer was tuned with so few
    runs that a better learning rate may have been missed.
    """
    better = [row for row in ranked if row.result is not None and row.result.verdict == ChangeVerdict.HELPS]
    if verdict != CompareVerdict.UNDECIDED or not better:
        return ""
    own = next((row for row in ranked if row.tuned.choice.keeps_optimizer), None)
    badly_tuned = [row for row in ranked if _is_own_with_too_few_runs(row.tuned)]
    if badly_tuned and better[0].label not in badly_tuned[0].ties:
        return (
            f"{better[0].label} is better than the current setting, but the current optimizer was tuned with too few "
            "runs: a better learning rate may have been missed. Give the search more --trials, or more --budget"
        )
    if own is not None and own.result is not None and own.result.verdict not in NOT_RANKED:
        return (
            f"{better[0].label} is better than the current setting, but not clearly better than the current optimizer "
            "with tuned settings"
        )
    reason = (own.result.reason if own.result is not None else own.tuned.reason) if own is not None else ""
    return (
        f"{better[0].label} is better than the current setting, but another learning rate may explain that, and the "
        f"current optimizer could not be tuned{reason and ': '}{reason}"
    )


def undecided_changes(runs: PairedRuns, tuned: Sequence[TunedChoice], looks: int) -> list[int]:
    """Return the numbers of the changes in `runs` that further seeds could decide about, after a number of rounds."""
    comparison = _compare(runs, tuned, looks)
    scripts = undecided_scripts(comparison.pairs, comparison.own, comparison.tuning)
    changes = [number for number, result in comparison.results.items() if result.patch]
    return [changes.index(comparison.compared[script - 1]) for script in scripts]


def _compare(runs: PairedRuns, tuned: Sequence[TunedChoice], looks: int) -> _Comparison:
    """Compare the choices and the current setting on the seeds of a number of rounds."""
    metric, changes = runs.metric, iter(range(len(runs.changes)))
    results = {}
    for number, one in enumerate(tuned):
        if one.script is not None:
            is_changed = bool(choices_to_run(runs.study.script, [one]))
            results[number] = runs.result(next(changes)) if is_changed else _unchanged_result(one)
    if runs.metric != metric:  # A negative value has shown that the metric has no lower limit. Other costs follow.
        return _compare(runs, tuned, looks)
    compared = [number for number, result in results.items() if result.verdict not in NOT_RANKED]
    current = {run.seed: run.cost for number in compared for run in results[number].before}
    costs = [current, *({run.seed: run.cost for run in results[number].after} for number in compared)]
    rounds = [fresh_seeds(runs.study, look) for look in range(looks)]
    return _Comparison(tuned, results, compared, compare_all_pairs(costs, rounds, runs.margin))


def _unchanged_result(tuned: TunedChoice) -> ChangeResult:
    """Return the result of a choice whose best script is the unchanged one, so that it need not run."""
    return ChangeResult(tuned.choice.label, "", ChangeVerdict.NO_EFFECT, BEST_IS_CURRENT, is_no_worse=True)


def _is_own_with_too_few_runs(tuned: TunedChoice) -> bool:
    """Return whether a choice only tunes the current optimizer, and a better value may have been missed."""
    return tuned.choice.keeps_optimizer and not is_well_tuned(tuned)


def _has_effect(tuned: TunedChoice) -> bool:
    """Return whether the searched settings of a choice have changed the cost of its runs."""
    return len({one.cost for one in tuned.tried}) > 1


def _decide(comparison: _Comparison) -> Decision:
    """Return the verdict. If no choice can be ranked, the current setting is kept if the searches found no better one.

    That is not known if all other choices than the tuned current optimizer failed or could not be compared.
    """
    if comparison.compared:
        return decide(comparison.pairs, comparison.own, comparison.tuning)
    known = [n for n, result in comparison.results.items() if not result.patch and _has_effect(comparison.tuned[n])]
    others = [number for number, one in enumerate(comparison.tuned) if not one.choice.keeps_optimizer]
    is_best = known and (not others or not set(known).isdisjoint(others))
    return Decision(CompareVerdict.KEEP if is_best else CompareVerdict.NOT_COMPARED)


def _ranked_choice(number: int, comparison: _Comparison, runs: PairedRuns) -> RankedChoice:
    """Return one row of the comparison."""
    one, result = comparison.tuned[number], comparison.results.get(number)
    if result is None or number not in comparison.compared:
        return RankedChoice(one, result, working=working_range(one))
    pairs, script = comparison.pairs, 1 + comparison.compared.index(number)
    judgement, own = pairs.judgement(0, script), comparison.tuned_own
    # A current setting that does not learn has no final value that could be reached sooner.
    timed = [] if predicts_constant(runs.study.baseline) else list(zip(result.before, result.after))
    ties = [tie for tie in pairs.ties(script) if tie]
    equal = [tie for tie in ties if pairs.judgement(script, tie).verdict == ChangeVerdict.EQUIVALENT]
    tied_labels, equal_labels = (tuple(map(comparison.label, tied)) for tied in (ties, equal))
    row = RankedChoice(
        one,
        replace(
            result,
            verdict=judgement.verdict,
            difference=judgement.difference,
            is_no_worse=judgement.is_no_worse,
            more_seeds=judgement.more_seeds,
        ),
        steps_to_target(timed, runs.metric),
        working_range(one),
        ties=tied_labels,
        equivalent=equal_labels,
    )
    return row if own in (None, script) else replace(row, against_tuned=pairs.judgement(own, script).difference)
