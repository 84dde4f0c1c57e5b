"""The verdict on a comparison in words, and the table of the choices."""

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
)

from descend.doctor.compare.result import CompareVerdict, StepsToTarget
from descend.doctor.report.choice_rows import choice_headings, choice_rows
from descend.doctor.report.choice_verdict import (
    choice_name,
    compare_verdict,
    current_values,
    target_message,
    target_text,
    unranked_choices,
    value_text,
    winning_patch,
    work_message,
)


def verdict_of(result) -> str:
    """Return the verdict with ordinary spaces."""
    return compare_verdict(result).replace("\u00a0", " ")


def test_a_switch_names_the_gain_over_the_current_setting_and_over_the_tuned_optimizer():
    assert verdict_of(SWITCH) == (
        "Use AdamW with lr 0.003: 'test accuracy' 0.906 → 0.96; 1 − 'test accuracy' is down 40–60 % (95 % interval, "
        "5 seeds). It reaches the current setting's final value in 0.30 to 0.50 times the steps. Compared with the "
        "current optimizer tuned, SGD with lr 0.03 ('test accuracy' 0.95), 1 − 'test accuracy' is down 10–30 %. Lion "
        "is neither clearly better nor clearly worse"
    )


def test_a_switch_without_a_tuned_optimizer_says_that_tuning_may_explain_the_gain():
    assert "could not be tuned, so part of the gain may come from tuning alone" in verdict_of(
        replace(SWITCH, ranked=(ADAMW, LION))
    )
    kept = verdict_of(replace(SWITCH, ranked=(ADAMW, UNCHANGED)))
    assert "The search found no better values for the current optimizer" in kept and "nan" not in kept.lower()


def test_tuning_shows_the_old_and_the_new_values():
    text = verdict_of(TUNE)
    assert text.startswith("Tune the current optimizer: SGD with lr 0.1 → 0.03. 'test accuracy' 0.906 → 0.95; ")
    assert text.endswith("No other choice is clearly better")
    tied = replace(SGD, ties=("Lion", "AdamW"))
    assert verdict_of(replace(TUNE, winner=tied)).endswith(
        "Lion and AdamW are neither clearly better nor clearly worse"
    )


def test_keeping_the_setting_names_the_best_other_choice():
    assert verdict_of(KEEP) == (
        "Keep the current setting: no choice is clearly better. The best other choice is Lion with lr 0.0003: 'test "
        "accuracy' 0.906 → 0.92; 1 − 'test accuracy' is between 20 % up and 30 % down (95 % interval, 5 seeds)"
    )
    assert verdict_of(replace(KEEP, ranked=(UNCHANGED,))) == "keep the current setting: the search found no better one"


def test_an_undecided_verdict_says_how_many_seeds_would_decide():
    assert "about 7 more seeds would decide" in verdict_of(UNDECIDED)
    assert "would decide" not in verdict_of(replace(UNDECIDED, more_seeds=None))


def test_a_faulty_script_shows_the_problem_with_its_line_and_how_to_go_on():
    text = verdict_of(FAULTY)
    assert "1 certain problem: gradients are never cleared [no_zero_grad] (train.py:12)" in text
    assert "--anyway" in text and FAULTY.exit_status == 1
    assert "2 certain problems" in verdict_of(replace(FAULTY, faults=(FAULT, replace(FAULT, id="dead_units"))))


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
        (StepsToTarget((0.5,) * 4, 1, (0.4, inf)), "at least 0.4", "times the steps; 1 seed of 5 never"),
        (StepsToTarget((0.5, 0.7), 0), "about 0.6", "in about 0.6 times the steps"),
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
        ("SGD", "SGD with lr 0.03"),
        ("SGD with linear decay", "SGD with linear decay and lr 0.03"),
        ("SGD with linear decay, batch_size 16", "SGD with linear decay, batch_size 16, lr 0.03"),
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
    rows = choice_rows(SWITCH)
    assert [row.choice for row in rows] == ["the current setting", "AdamW", "SGD", "Lion"]
    assert [row.is_winner for row in rows] == [False, True, False, False]
    assert rows[0].cells == ("the current setting", "lr 0.1", "0.906", "", "1", "10 ms", "")
    assert rows[1].cells == ("AdamW", "lr 0.003", "0.96", "−60 to −40\u00a0%", "0.30–0.50", "20 ms", "0.001–0.01")
    assert len(choice_headings(SWITCH)) == len(rows[0].cells)


def test_ranges_have_two_digits_and_equal_ends_are_one_number():
    working = replace(ADAMW.working, low=0.00989, high=0.0323)
    target = replace(ADAMW.target, interval=(0.25, 0.25))
    [_, row] = choice_rows(replace(SWITCH, ranked=(replace(ADAMW, working=working, target=target),)))
    assert (row.steps, row.rates) == ("0.25", "0.0099–0.032")
    [_, row] = choice_rows(replace(SWITCH, ranked=(replace(ADAMW, target=StepsToTarget((), 5)),)))
    assert row.steps == "never"


def test_times_of_runs_that_shared_the_machine_are_not_mixed_with_others():
    lonely = replace(SWITCH, ranked=(replace(ADAMW, target=replace(ADAMW.target, step_s=nan)), SGD))
    assert [row.step_time for row in choice_rows(lonely)] == ["10 ms"] * 3  # all from the runs of the comparison
    assert [row.step_time for row in choice_rows(replace(SWITCH, step_s=nan))] == ["10 ms"] * 4


def test_choices_without_a_rank_are_listed_with_the_reason():
    assert unranked_choices(KEEP) == [("SGD", "its best values are the current ones")]
    assert unranked_choices(RESULTS["without_tuned_optimizer"]) == [("Lion", "the changed script fails: KeyError")]
    assert not choice_rows(RESULTS["nothing_tried"])


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


@pytest.mark.parametrize("verdict", CompareVerdict)
def test_every_verdict_has_a_sentence_without_a_choice(verdict):
    assert compare_verdict(replace(SWITCH, ranked=(), winner=None, verdict=verdict))
