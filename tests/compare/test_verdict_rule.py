"""The ranking of the choices from their runs: order, ties, reasons, and comparisons with the tuned own optimizer."""

from dataclasses import replace
from math import isnan

import pytest

from descend.doctor.compare import verdict_rule
from descend.doctor.compare.choice import Dimension
from descend.doctor.compare.final_runs import begin_final_runs, run_final_rounds
from descend.doctor.compare.result import CompareVerdict, StepsToTarget, TriedValues, TunedChoice
from descend.doctor.compare.verdict_rule import rank, unattributed_gain_message
from descend.doctor.prove.judgement import MARGIN, ChangeVerdict
from descend.doctor.prove.metric import ComparedMetric
from descend.doctor.prove.paired_runs import PairedRuns

from .simulated_runs import METRIC, SCRIPT, SimulatedStudy, noisy, tuned_choice

ADAM, LION, SGD = tuned_choice("adam"), tuned_choice("lion"), tuned_choice("sgd", own=True)


def rank_runs(tuned: list[TunedChoice], failing: tuple[str, ...] = (), **costs):
    """Make all runs of a simulated study, and return the ranking."""
    study = SimulatedStudy({"current": noisy(1.0), **costs}, failing=failing)
    runs = begin_final_runs(PairedRuns(study, METRIC, [], MARGIN), tuned)
    run_final_rounds(runs, tuned)
    return rank(runs, tuned)


def test_the_best_choice_comes_first_and_equal_ones_are_named():
    ranked, verdict, winner, more = rank_runs(
        [SGD, LION, ADAM], sgd=noisy(0.8, 5), lion=noisy(0.402, 7), adam=noisy(0.4, 3)
    )
    assert [row.label for row in ranked] == ["adam", "lion", "sgd"]
    assert (verdict, more) == (CompareVerdict.SWITCH, None) and winner is ranked[0]
    assert [row.ties for row in ranked] == [("lion",), ("adam",), ()]
    assert [row.equivalent for row in ranked] == [("lion",), ("adam",), ()]
    assert all(row.result.verdict == ChangeVerdict.HELPS for row in ranked)
    assert -0.65 < ranked[0].result.difference[0] < ranked[0].result.difference[1] < -0.55


def test_a_tie_without_evidence_of_equality_is_not_equivalent():
    ranked, *_ = rank_runs([ADAM, LION], adam=noisy(0.4, 3, 5.0), lion=noisy(0.402, 7, 5.0))
    assert all(row.ties and not row.equivalent for row in ranked)


def test_a_current_setting_that_does_not_learn_has_no_target(monkeypatch):
    ranked, *_ = rank_runs([ADAM], adam=noisy(0.4, 3))
    assert len(ranked[0].target.ratios) == 5
    monkeypatch.setattr(verdict_rule, "predicts_constant", lambda record: True)
    ranked, *_ = rank_runs([ADAM], adam=noisy(0.4, 3))
    assert repr(ranked[0].target) == repr(StepsToTarget((), 0))  # as texts, because a field is NaN


def test_a_current_optimizer_that_was_tuned_with_too_few_runs_is_the_reason_for_no_verdict():
    choice = replace(SGD.choice, dimensions=(Dimension("lr", 1e-4, 10.0),))
    badly = replace(SGD, choice=choice)  # It has tried 0.1, which is the best rate, and 0.2, but nothing below.
    well = replace(badly, tried=(*badly.tried, TriedValues({"lr": 0.05}, 1.2, 1.2, 100)))
    for own, expected in ((badly, CompareVerdict.UNDECIDED), (well, CompareVerdict.SWITCH)):
        ranked, verdict, *_ = rank_runs([own, ADAM], sgd=noisy(0.8, 5), adam=noisy(0.4, 3))
        message = unattributed_gain_message(ranked, verdict)
        assert verdict == expected
        assert ("too few runs" in message and "--trials" in message) == (expected == CompareVerdict.UNDECIDED)


def test_the_gain_over_the_tuned_optimizer_is_given_for_all_other_choices():
    ranked, *_ = rank_runs([SGD, ADAM], sgd=noisy(0.8, 5), adam=noisy(0.4, 3))
    low, high = ranked[0].against_tuned
    assert low < 0.4 / 0.8 - 1 < high < 0
    assert all(map(isnan, ranked[1].against_tuned))  # It is the tuned optimizer itself.


def test_the_tuned_optimizer_may_have_the_current_values():
    ranked, verdict, *_ = rank_runs([replace(SGD, script=SCRIPT), ADAM], adam=noisy(0.3, 3))
    assert verdict == CompareVerdict.SWITCH and ranked[0].against_tuned == ranked[0].result.difference


@pytest.mark.parametrize(
    ("own", "reason"),
    [
        (tuned_choice("sgd", own=True, reason="the rate cannot be edited"), "the rate cannot be edited"),
        (replace(tuned_choice("sgd", own=True, has_effect=False), script=SCRIPT), "its best values"),
        (tuned_choice("current again", own=True, has_effect=False), "bit-for-bit identical"),
        (tuned_choice("fails", own=True), "the changed script fails"),
    ],
)
def test_a_large_gain_is_not_attributed_if_the_current_optimizer_could_not_be_tuned(own, reason):
    costs = {"adam": noisy(0.3, 3), "current again": noisy(1.0), "fails": noisy(1.0)}
    ranked, verdict, winner, more = rank_runs([own, ADAM], failing=("fails",), **costs)
    assert (verdict, winner, more) == (CompareVerdict.UNDECIDED, None, None)
    assert ranked[-1].tuned is own
    message = unattributed_gain_message(ranked, verdict)
    assert message.startswith("adam is better") and reason in message
    assert unattributed_gain_message(ranked, CompareVerdict.SWITCH) == ""


def test_a_large_gain_is_not_attributed_if_the_tuned_optimizer_diverges_on_one_seed():
    def diverges_once(seed):
        return 1e11 if seed % 5 == 2 else 0.3

    ranked, verdict, winner, _ = rank_runs([ADAM, SGD], adam=noisy(0.3, 3), sgd=diverges_once)
    assert (verdict, winner) == (CompareVerdict.UNDECIDED, None)
    assert "not clearly better than the current optimizer" in unattributed_gain_message(ranked, verdict)


def test_a_choice_that_only_tunes_the_optimizer_wins_against_an_equal_other_one():
    ranked, verdict, winner, _ = rank_runs([ADAM, SGD], adam=noisy(0.4, 3), sgd=noisy(0.41, 5))
    assert verdict == CompareVerdict.TUNE and winner.label == "sgd" and winner.ties == ("adam",)
    assert ranked[0].label == "adam"


def test_a_tuned_optimizer_that_is_not_clearly_better_is_no_reason_to_tune():
    ranked, verdict, winner, _ = rank_runs([ADAM, SGD], adam=noisy(0.7, 3), sgd=noisy(0.8, 5, scale=30))
    assert (verdict, winner) == (CompareVerdict.UNDECIDED, None)
    assert "but not clearly better than the current optimizer" in unattributed_gain_message(ranked, verdict)


def test_equal_choices_keep_the_current_setting():
    ranked, verdict, winner, _ = rank_runs([ADAM, SGD], adam=noisy(1.0, 3), sgd=noisy(1.0, 5))
    assert (verdict, winner) == (CompareVerdict.KEEP, None)
    assert all(row.result.verdict == ChangeVerdict.EQUIVALENT for row in ranked)


def test_choices_that_have_no_result_are_last_with_their_reasons():
    refused = tuned_choice("muon", reason="the script has no matrices")
    ranked, *_ = rank_runs([refused, LION, SGD], failing=("lion",), lion=noisy(0.1), sgd=noisy(0.4, 5))
    assert [row.label for row in ranked] == ["sgd", "muon", "lion"]
    assert ranked[1].result is None and ranked[1].tuned.reason
    assert ranked[2].result.verdict == ChangeVerdict.FAILS and "ValueError: wrong" in ranked[2].result.error


def test_if_no_choice_can_be_run_nothing_is_compared():
    ranked, verdict, winner, _ = rank_runs([ADAM], failing=("adam",), adam=noisy(0.1))
    assert (verdict, winner) == (CompareVerdict.NOT_COMPARED, None) and ranked[0].target is None


def test_a_choice_that_diverges_is_compared_and_worse():
    ranked, verdict, *_ = rank_runs([ADAM, SGD], adam=lambda seed: float("nan"), sgd=noisy(0.5, 5))
    assert verdict == CompareVerdict.TUNE and ranked[1].result.verdict == ChangeVerdict.HARMS


def test_noisy_choices_need_more_seeds():
    ranked, verdict, winner, more = rank_runs([ADAM, SGD], adam=noisy(0.9, 3, scale=9), sgd=noisy(0.95, 5, scale=9))
    assert (verdict, winner) == (CompareVerdict.UNDECIDED, None) and more > 0
    assert unattributed_gain_message(ranked, verdict) == ""


def test_the_steps_to_the_current_metric_and_the_working_range_are_part_of_the_ranking():
    ranked, *_ = rank_runs([SGD], sgd=noisy(0.5, 5))
    assert ranked[0].target.median_ratio < 1 and ranked[0].target.missed == 0
    assert ranked[0].working is None  # The choice has no dimension that is a learning rate.


def test_a_loss_that_becomes_negative_changes_the_metric_of_all_runs():
    costs = {"current": noisy(1.0), "sgd": noisy(0.8, 5), "adam": lambda seed: 0.5 - (seed == 5)}
    study = SimulatedStudy(costs, has_fixed_examples=False)
    runs = begin_final_runs(
        PairedRuns(study, ComparedMetric("training", "loss", "training loss"), [], MARGIN), [SGD, ADAM]
    )
    runs.run_on_seeds(range(1, 6))
    ranked, *_ = rank(runs, [SGD, ADAM])
    assert [row.label for row in ranked] == ["adam", "sgd"]
    costs = [[run.cost for run in row.result.before] for row in ranked]
    assert costs[0] == costs[1] == pytest.approx([1 / (4 - noisy(1.0)(seed)) for seed in range(1, 6)])
