"""The verdict on a comparison in words, and the table of the choices."""

import re
from dataclasses import replace
from math import inf, nan

import pytest
from compared_choices import (
    ADAMW,
    FAULT,
    FAULTY,
    KEEP,
    LION,
    RESULTS,
    SCRIPT_FAILED,
    SGD,
    SWITCH,
    TUNE,
    UNCHANGED,
    UNDECIDED,
    baseline_of,
)

from descend.doctor.assess.logged_metric import LoggedMetric
from descend.doctor.compare.result import CompareVerdict, StepsToTarget
from descend.doctor.prove.metric import ComparedMetric
from descend.doctor.record import Fact, Reading, facts
from descend.doctor.report.choice_gain import gain_message, target_message, target_text
from descend.doctor.report.choice_rows import Column, Mark, choice_table
from descend.doctor.report.choice_values import choice_name, current_values, value_text
from descend.doctor.report.choice_verdict import compare_verdict, unranked_choices, winning_patch, work_message


def verdict_of(result) -> str:
    """Return the verdict with ordinary spaces."""
    return compare_verdict(result).replace("\u00a0", " ")


def test_a_switch_names_the_gain_over_the_current_setting_and_over_the_tuned_optimizer():
    assert verdict_of(SWITCH) == (
        "Use AdamW (lr 0.003) instead of SGD (lr 0.1): 'test accuracy' rises from 0.906 to 0.96, by 0.038 to "
        "0.056 (95 % interval, 5 seeds). Tuning alone reaches 0.95 with SGD (lr 0.03); compared with that, 1 − 'test "
        "accuracy' is down 10–30 %. Lion is not clearly different"
    )


def test_a_switch_without_a_tuned_optimizer_says_that_tuning_may_explain_the_gain():
    assert "could not be tuned, so part of the gain may come from tuning alone" in verdict_of(
        replace(SWITCH, ranked=(ADAMW, LION))
    )
    kept = verdict_of(replace(SWITCH, ranked=(ADAMW, UNCHANGED)))
    assert "The search found no better values for the current optimizer" in kept and "nan" not in kept.lower()


def test_tuning_shows_the_old_and_the_new_values():
    text = verdict_of(TUNE)
    assert text.startswith("Keep SGD, but change lr from 0.1 to 0.03: 'test accuracy' rises from 0.906 to 0.95, by ")
    assert "All other choices are clearly worse" in text
    assert text.endswith("It reaches the current setting's final value in 0.30 to 0.50 times the steps")
    named = replace(SGD, tuned=replace(SGD.tuned, choice=replace(SGD.tuned.choice, label="SGD, nesterov True")))
    assert verdict_of(replace(TUNE, winner=named)).startswith(
        "Keep the current optimizer, but tune it: SGD, nesterov True (lr 0.03): "
    )


@pytest.mark.parametrize(
    ("ties", "equivalent", "text"),
    [
        (("Lion", "AdamW"), (), "Lion and AdamW are not clearly different"),
        (("Lion", "AdamW"), ("Lion",), "Lion is about as good, and AdamW is not clearly different"),
        (("A", "B", "C", "D", "E"), (), "A, B, C and 2 more are not clearly different"),
    ],
)
def test_only_equivalent_choices_are_about_as_good(ties, equivalent, text):
    tied = replace(SGD, ties=ties, equivalent=equivalent)
    assert text in verdict_of(replace(TUNE, winner=tied))
    table = choice_table(replace(TUNE, ranked=(tied, LION, ADAMW), winner=tied))
    marks = {row.choice: row.mark for row in table.rows}
    assert (marks["SGD"], marks["current setting"]) == (Mark.RECOMMENDED, Mark.OTHER)
    if "Lion" in ties:
        assert marks["AdamW"] == Mark.SIMILAR
        assert marks["Lion"] == (Mark.EQUIVALENT if equivalent else Mark.SIMILAR)


def test_every_verdict_has_at_most_three_sentences_of_25_words():
    for result in (SWITCH, TUNE, KEEP, UNDECIDED):
        sentences = re.split(r"(?<=[.)]) (?=[A-Z])", compare_verdict(result))
        assert len(sentences) <= 3 and max(len(each.split(" ")) for each in sentences) <= 25


def test_keeping_the_setting_names_the_best_other_choice():
    assert verdict_of(KEEP) == (
        "Keep the current setting: no choice is clearly better. Lion (lr 0.0003) is not clearly different: 'test "
        "accuracy' goes from 0.906 to 0.92, a difference of −0.019 to 0.028 (95 % interval, 5 seeds)"
    )
    assert verdict_of(replace(KEEP, ranked=(UNCHANGED,))) == "keep the current setting: the search found no better one"
    marks = [row.mark for row in choice_table(KEEP).rows]
    assert marks == [Mark.RECOMMENDED, Mark.SIMILAR]


def test_a_loss_has_a_relative_difference_and_a_reward_one_in_its_own_units():
    loss = replace(SWITCH, metric=ComparedMetric("held_out", "held-out loss", "the held-out loss"))
    halved = tuple(replace(run, value=run.value / 2) for run in ADAMW.result.before)
    better = replace(ADAMW, result=replace(ADAMW.result, after=halved))
    text = gain_message(better, loss).replace("\u00a0", " ")
    assert text == "held-out loss falls from 0.906 to 0.453, by 40–60 % (95 % interval, 5 seeds)"
    reward = LoggedMetric("reward", "gain", rises=True, untrained=0.406)  # an improvement of 0.5, a cost of 2
    text = gain_message(ADAMW, replace(SWITCH, metric=ComparedMetric("metric", "reward", "", reward)))
    assert ", by 0.33 to 0.75 (" in text


def test_a_current_setting_that_diverges_has_no_gain():
    broken = tuple(replace(run, value=nan) for run in ADAMW.result.before)
    text = gain_message(replace(ADAMW, result=replace(ADAMW.result, before=broken)), SWITCH)
    assert text == "'test accuracy' not finite → 0.96 (5 seeds)"


def test_a_current_setting_that_does_not_learn_is_named():
    record = baseline_of()
    record.add(Reading("metric", "negative_log_likelihood", 0, 2.3))
    record.add(Reading("metric", "negative_log_likelihood", 200, 2.29))
    text = verdict_of(replace(TUNE, baseline=record))
    assert "The current setting does not learn: its loss is near that of a constant prediction" in text
    assert "does not learn" not in verdict_of(TUNE)


def test_an_undecided_verdict_says_if_no_choice_looks_better_than_the_current_setting():
    worse = replace(LION, result=replace(LION.result, difference=(-0.1, 0.18)))
    text = verdict_of(replace(UNDECIDED, ranked=(worse,)))
    assert text.startswith("Undecided: the current setting looks best, but Lion (lr 0.0003) may be better, 'test acc")
    unknown = replace(LION, result=replace(LION.result, difference=(nan, nan)))
    assert verdict_of(replace(UNDECIDED, ranked=(unknown,))).startswith("Undecided: Lion (lr 0.0003) looks best")


def test_an_undecided_verdict_says_how_many_seeds_would_decide():
    assert "About 7 more seeds would decide" in verdict_of(UNDECIDED)
    assert "would decide" not in verdict_of(replace(UNDECIDED, more_seeds=None))


def test_a_faulty_script_shows_the_problem_with_its_line_and_how_to_go_on():
    text = verdict_of(FAULTY)
    assert (
        "a problem of the script has to be fixed first: gradients are never cleared [no_zero_grad] (train.py:12)"
        in text
    )
    assert "--anyway" in text and FAULTY.exit_status == 1
    assert "2 problems have to be fixed first" in verdict_of(
        replace(FAULTY, faults=(FAULT, replace(FAULT, id="dead_units")))
    )


def test_a_failed_script_and_an_interruption_are_named():
    assert verdict_of(SCRIPT_FAILED) == "the unchanged script failed with status 1: ValueError: no data"
    assert SCRIPT_FAILED.exit_status == 4
    assert "the same command continues the comparison" in verdict_of(RESULTS["interrupted"])
    late = verdict_of(replace(SWITCH, interruption=130))
    assert late.startswith("interrupted: Use AdamW") and late.endswith("The same command continues the comparison")


def test_the_reason_is_named_if_no_choice_could_be_tried():
    text = verdict_of(RESULTS["nothing_tried"])
    assert text.endswith("RAdam: the optimizer is created in a library")
    ended = replace(RESULTS["nothing_tried"], ended_because="the time of --budget was over")
    assert verdict_of(ended) == "nothing was compared: the time of --budget was over"


@pytest.mark.parametrize(
    ("target", "text", "message"),
    [
        (StepsToTarget((0.4,) * 5, 0, (0.3, 0.5)), "0.30 to 0.50", "in 0.30 to 0.50 times the steps"),
        (StepsToTarget((0.25,) * 5, 0, (0.25, 0.25)), "0.25", "in 0.25 times the steps"),
        (StepsToTarget((0.5,) * 4, 1, (0.4, inf)), "at least 0.4", "times the steps, and never with 1 of 5 seeds"),
        (StepsToTarget((0.5, 0.7), 0), "about 0.6", "in about 0.6 times the steps"),
        (StepsToTarget((0.5, 0.7), 1), "about 0.7", "times the steps, and never with 1 of 3 seeds"),
        (StepsToTarget((0.5,), 1), "at least 0.5", "times the steps, and never with 1 of 2 seeds"),
        (StepsToTarget((), 5), "never", "it never reaches"),
        (StepsToTarget((), 0), "", ""),
        (None, None, ""),
    ],
)
def test_seeds_that_never_reach_the_target_are_counted(target, text, message):
    assert target is None or target_text(target) == text
    assert message in target_message(target) and bool(message) == bool(target_message(target))


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("SGD", "SGD (lr 0.03)"),
        ("SGD with linear decay", "SGD with linear decay (lr 0.03)"),
        ("SGD with linear decay, batch_size 16", "SGD with linear decay, batch_size 16 (lr 0.03)"),
    ],
)
def test_the_name_of_a_choice_has_its_values(label, name):
    choice = replace(SGD.tuned.choice, label=label)
    assert choice_name(replace(SGD, tuned=replace(SGD.tuned, choice=choice))) == name
    assert choice_name(replace(SGD, tuned=replace(SGD.tuned, choice=choice, best=None))) == label


@pytest.mark.parametrize(("value", "text"), [(0.0031622, "0.00316"), (3e-5, "3e-05"), (4096.0, "4096"), (64.0, "64")])
def test_values_of_settings_are_written_as_a_user_types_them(value, text):
    assert value_text(value) == text


def test_the_table_has_the_current_setting_first_and_marks_the_winner():
    table = choice_table(SWITCH)
    assert [row.name for row in table.rows] == [
        "current setting, lr 0.1",
        "AdamW, lr 0.003",
        "SGD, lr 0.03",
        "Lion, lr 0.0003",
    ]
    assert [row.mark for row in table.rows] == [Mark.OTHER, Mark.RECOMMENDED, Mark.OTHER, Mark.SIMILAR]
    assert list(table.rows[0].cells.values()) == ["0.906", "", "1", "10 ms", ""]
    assert list(table.rows[1].cells.values()) == ["0.96", "−60 to −40\u00a0%", "0.30–0.50", "20 ms", "0.001–0.01"]
    assert table.heading(Column.METRIC) == "test accuracy" and "known every 10 steps" in table.legend(table.columns)


def test_a_column_without_values_is_left_out_with_its_meaning():
    without = replace(ADAMW, target=StepsToTarget((), 0), working=None)
    table = choice_table(replace(SWITCH, ranked=(without,)))
    assert list(table.columns) == [Column.METRIC, Column.CHANGE, Column.STEP_TIME]
    assert "Steps needed" not in table.legend(table.columns) and "times the steps" not in verdict_of(
        replace(SWITCH, winner=without)
    )


def test_ranges_have_two_digits_and_equal_ends_are_one_number():
    working = replace(ADAMW.working, low=0.00989, high=0.0323)
    target = replace(ADAMW.target, interval=(0.25, 0.25))
    [_, row] = choice_table(replace(SWITCH, ranked=(replace(ADAMW, working=working, target=target),))).rows
    assert (row.cells[Column.STEPS], row.cells[Column.RATES]) == ("0.25", "0.0099–0.032")
    [_, row] = choice_table(replace(SWITCH, ranked=(replace(ADAMW, target=StepsToTarget((), 5)),))).rows
    assert row.cells[Column.STEPS] == "never"


def test_times_of_runs_that_shared_the_machine_are_not_mixed_with_others():
    def times(result):
        return [row.cells[Column.STEP_TIME] for row in choice_table(result).rows]

    lonely = replace(SWITCH, ranked=(replace(ADAMW, target=replace(ADAMW.target, step_s=nan)), SGD))
    assert times(lonely) == ["10 ms"] * 3  # all from the runs of the comparison
    assert times(replace(SWITCH, step_s=nan)) == ["10 ms"] * 4


def test_choices_without_a_rank_are_listed_with_the_reason():
    assert unranked_choices(KEEP) == [("SGD", "its best values are the current ones")]
    assert unranked_choices(RESULTS["without_tuned_optimizer"]) == [("Lion", "the changed script fails: KeyError")]
    assert choice_table(RESULTS["nothing_tried"]) is None


def test_only_a_recommended_choice_has_a_patch():
    assert winning_patch(SWITCH) and not any(map(winning_patch, (KEEP, UNDECIDED, FAULTY)))


def test_the_work_is_counted_in_runs_of_the_script():
    assert (
        work_message(SWITCH)
        == "64 runs in 2 min 5 s; at most 1\u00a0600 steps (8 runs of the script) to tune each choice"
    )
    assert work_message(FAULTY).startswith("1 run in") and "tune" not in work_message(replace(SWITCH, tuning_steps=0))


def test_the_current_values_are_those_of_the_optimizer():
    assert current_values(SWITCH) == {"lr": 0.1}
    assert current_values(replace(SWITCH, ranked=())) == {}


def test_the_current_values_are_those_of_the_optimizer_that_is_varied():
    baseline = baseline_of()
    baseline.add(Fact.of(facts.Optimizer("Adam", groups=1, parameters=1000, lr=0.002), 0, "1"))
    result = replace(SWITCH, baseline=baseline)
    assert current_values(result) == {"lr": 0.002}
    assert "instead of Adam (lr 0.002)" in verdict_of(replace(result, winner=replace(LION, ties=())))


@pytest.mark.parametrize("verdict", CompareVerdict)
def test_every_verdict_has_a_sentence_without_a_choice(verdict):
    assert compare_verdict(replace(SWITCH, ranked=(), winner=None, verdict=verdict))
