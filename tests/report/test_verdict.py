"""The verdict and the headline of a case."""

from dataclasses import replace

import pytest
from cases import altered, dead_units, inputs_not_normalised, instability_symptom
from endings import empty, failed_script, healthy, killed

from descend.doctor.record import Ending, Fact, Reading, Site, facts
from descend.doctor.record.exception_lines import exception_line
from descend.doctor.report.causes import causes
from descend.doctor.report.observed_steps import observed_message
from descend.doctor.report.verdict import can_be_judged, headline, is_clean, verdict


def test_a_proved_fix_is_named_with_its_values(tmp_path):
    case = inputs_not_normalised(tmp_path)
    assert headline(case) == "Inputs are not normalised"
    assert verdict(case) == "1 problem, and a proved fix: standardise inputs, 2.301 → 0.083 on 5 seeds"


@pytest.mark.parametrize(
    ("verdicts", "text"),
    [
        ((), "1 problem, but no remedy was tried"),
        (("failed",), "1 problem, but no remedy could be tried"),
        (("no_effect",), "1 problem, but the only remedy tried did not help"),
        (("no_effect", "worse", "failed"), "1 problem, but none of the 2 tried remedies helped"),
        (("worse", "helps"), "1 problem, and a change that helped in one trial but is not proved"),
        (("not_proved",), "1 problem, and a change that helped in one trial but is not proved"),
    ],
)
def test_without_a_fix_the_verdict_summarises_the_trials(tmp_path, verdicts, text):
    case = inputs_not_normalised(tmp_path)
    trials = tuple(replace(case.trials[0], verdict=name, patch="") for name in verdicts)
    assert verdict(altered(case, trials=trials, fix=None)) == text


def test_only_an_observed_run_is_reported_as_free_of_problems(tmp_path):
    case = healthy(tmp_path)
    assert verdict(case) == "no problem found in the 300 steps observed"
    for other in (empty(tmp_path), killed(tmp_path)):
        assert not can_be_judged(other)
        assert not is_clean(other) and "no problem found" not in (verdict(other) + headline(other)).lower()
    assert verdict(replace(case, left_out=("dead_units",))).endswith("observed; not checked: dead_units")


def test_a_run_without_a_replayed_step_is_undecided(tmp_path):
    case = healthy(tmp_path)
    del case.record.facts[facts.name_of(facts.Monitor), ""]
    assert verdict(case) == "undecided: no training step could be replayed, so little could be measured"
    assert not is_clean(case) and headline(case) == "Undecided: few measurements were possible"


def test_no_problem_found_reports_unknown_targets(tmp_path):
    case = healthy(tmp_path)
    for name, place in [key for key in case.record.readings if key[0] == "metric"]:
        del case.record.readings[name, place]
    case.record.add(Reading("metric", "loss", 0, 1.0))
    assert verdict(case).startswith(
        "no problem found in the 300 steps observed, but the loss gets no recognisable targets"
    )
    assert headline(case) == "No problem found, but the targets are not known"


@pytest.mark.parametrize(
    ("reason", "steps", "backward", "text"),
    [
        (
            "finished",
            0,
            False,
            "the script ended without an optimizer step or a backward pass, so there is nothing to diagnose",
        ),
        ("window", 0, False, "the script took no optimizer step in 600 s, so there is nothing to diagnose"),
        ("finished", 0, True, "the script calls backward(), but no optimizer takes a step, so nothing is trained (is "),
        ("finished", 1, True, "the script ended after a single optimizer step, which is too little to diagnose"),
        ("interrupted", 0, False, "no optimizer step was observed, so there is nothing to judge"),
    ],
)
def test_a_run_without_several_steps_cannot_be_judged(tmp_path, reason, steps, backward, text):
    case = healthy(tmp_path)
    if backward:
        case.record.add(Site("backward", "", "train.py", 9))
    case.record.add(Ending(reason, 0, steps, wall_s=600.0))
    assert verdict(case).startswith(text) and headline(case) == "The run could not be judged"


@pytest.mark.parametrize(
    ("options", "steps", "limits"),
    [((), 0, "--seconds"), ((), 1, "--steps or --seconds"), (("--quick", "--budget 20s"), 0, "a longer --budget")],
)
def test_a_run_that_was_cut_off_names_the_option_that_limits_it(tmp_path, options, steps, limits):
    case = replace(healthy(tmp_path), options=options)
    case.record.add(Ending("window", 0, steps, wall_s=60.0))
    assert case.shortfall.endswith(f"; use {limits} to observe it for longer")


def test_a_failed_script_has_a_verdict_of_one_line(tmp_path):
    case = failed_script(tmp_path)
    text = verdict(case)
    assert text.startswith("the script failed after 12 steps with status 1: ValueError: Expected input")
    assert "\n" not in text
    with_finding = replace(case, findings=dead_units(tmp_path).findings)
    assert verdict(with_finding).endswith(
        "(64) to match target batch_size (32); 1 problem before that, but no remedy was tried"
    )


HEADER = 'Traceback (most recent call last):\n  File "train.py", line 14, in <module>\n    load()\n'


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (HEADER + "pickle.UnpicklingError: Weights only load failed.\n\t(1) Do this\nSee the manual.\n",
         "pickle.UnpicklingError: Weights only load failed."),
        (HEADER + "KeyError: 1\n\nDuring handling of it, another occurred:\n\n" + HEADER + "ValueError: two\nlines\n",
         "ValueError: two"),
        (HEADER + "RuntimeError: Caught it in a worker.\nOriginal " + HEADER + "OSError: gone\n", "OSError: gone"),
        (HEADER + "RuntimeError:\n  the sizes\n  differ\n", "RuntimeError: the sizes"),
        ('  File "train.py", line 1\n    x = = 1\n        ^\nSyntaxError: invalid\n', "SyntaxError: invalid"),
        (HEADER + "AssertionError\n", "AssertionError"),
        ("usage: train.py [-h]\ntrain.py: error: no such option\n", "train.py: error: no such option"),
        ("", ""),
    ],
)  # fmt: skip
def test_the_verdict_of_a_failure_has_the_exception_and_its_first_line(error, cause):
    assert exception_line(error) == cause


def test_a_run_of_too_few_steps_is_undecided(tmp_path):
    case = healthy(tmp_path)
    case.record.add(Ending("window", 0, 7, wall_s=4.0, loop_s=2.1))
    assert verdict(case).startswith("undecided: only 7 optimizer steps were observed, too few to judge the training")
    assert not is_clean(case) and "too few" in headline(case)


def test_the_time_for_measuring_is_reported(tmp_path):
    case = healthy(tmp_path)
    case.record.add(Ending("window", 0, 42, wall_s=90.0, loop_s=78.0, probe_s=53.0))
    assert observed_message(case) == "the first 42 steps of python train.py, in 1 min 18 s (53 s of it measuring)"


@pytest.mark.parametrize(
    ("reason", "steps", "text"),
    [
        ("window", 300, "the first 300 steps of python train.py, in 2.1 s"),
        ("window", 1, "the first step of python train.py, in 2.1 s"),
        ("finished", 1, "the only step of python train.py, in 2.1 s"),
        ("finished", 30, "all 30 steps of python train.py, in 2.1 s"),
        ("interrupted", 1, "1 step of python train.py until the interruption, in 2.1 s"),
        ("killed", 30, "at least 30 steps of python train.py until it was killed, in 2.1 s"),
    ],
)
def test_the_observed_steps_are_described(tmp_path, reason, steps, text):
    case = healthy(tmp_path)
    case.record.add(Ending(reason, 0, steps, wall_s=4.0, loop_s=2.1))
    assert observed_message(case) == text


def test_consequences_are_not_counted_as_problems(tmp_path):
    case = inputs_not_normalised(tmp_path)
    assert [finding.id for finding in case.findings] == ["inputs_not_normalised", "instability"]
    assert [finding.id for finding in causes(case)] == ["inputs_not_normalised"]


def test_findings_that_explain_each_other_are_all_shown(tmp_path):
    first = instability_symptom(tmp_path)
    second = replace(first, id="dead_units", explains=frozenset({"instability"}))
    case = replace(dead_units(tmp_path), findings=(first, second))
    assert [finding.id for finding in causes(case)] == ["instability"]


def test_an_unjudged_edit_for_a_certain_problem_is_named(tmp_path):
    case = inputs_not_normalised(tmp_path)
    text = verdict(altered(case, trials=(replace(case.trials[0], verdict="failed"),), fix=None))
    assert text == "1 problem, and a change whose effect no trial could measure: standardise inputs"


def test_longer_training_does_not_hide_another_problem(tmp_path):
    case = inputs_not_normalised(tmp_path)
    longer = replace(case.fix, verdict="train_longer", label="train 4 times as long")
    one = altered(case, fix=longer, trials=(longer,))
    assert "nothing is broken: train 4 times as long" in verdict(one)
    wired = replace(one, findings=(replace(one.findings[0], kind="wiring"),))
    assert "1 problem, and a proved fix: train 4 times as long" in verdict(wired)
    two = replace(one, findings=(*one.findings, replace(one.findings[0], id="target_leak")))
    assert "nothing is broken" not in verdict(two) and "2 problems" in verdict(two)


def test_a_change_that_removes_a_certain_problem_is_not_called_a_gain(tmp_path):
    case = inputs_not_normalised(tmp_path)
    partial = replace(case.fix, verdict="partly_fixes", label="without mul in line 57")
    text = verdict(altered(case, fix=partial, trials=(partial,)))
    assert "and a change that removes a problem and makes no run clearly worse: without mul in line 57, " in text


def stuck(case, *values):
    for key in [key for key in case.record.readings if key[0] == "metric"]:
        del case.record.readings[key]
    for step, value in enumerate(values):
        case.record.add(Reading("metric", "squared_error", 100 * step, value))
    case.record.add(Fact.of(facts.Targets("float32", 256, -5.0, 5.0, mean=0.0, std=1.72, constant_cost=2.95), 0))
    return case


def test_a_loss_no_better_than_a_constant_prediction_is_reported_with_values(tmp_path):
    text = verdict(stuck(healthy(tmp_path), 4.18, 2.92))
    assert "hardly" not in text
    assert text.startswith(
        "undecided: after 300 steps the squared error on the fixed examples is 2.92, about that of the best constant "
        "prediction (2.95)"
    )


def test_a_run_that_learns_little_is_undecided(tmp_path):
    case = stuck(healthy(tmp_path), 4.18, 2.92)
    assert case.status == "undecided" and "little" in headline(case) and verdict(case).count("still falling") == 1
    losses = case.record.readings["loss", "0"][1]
    losses[:] = [1.0 + 0.1 * (i % 2) for i in range(len(losses))]
    assert "little or nothing" in headline(case) and "falling" not in verdict(case)
    suspected = altered(case, suspicions=(instability_symptom(tmp_path),), withdrawn=frozenset({"instability"}))
    assert verdict(suspected).endswith(
        "no trial has confirmed the suspected problems: training is unstable [instability]"
    )
    case.record.readings["learning_rate", "0"] = ([*range(300)], [1e-3 * (step + 1) / 2000 for step in range(300)])
    assert "so the warm-up lasts all 300 steps" in verdict(suspected)


def test_a_single_loss_value_is_not_judged(tmp_path):
    case = stuck(healthy(tmp_path), 1.469)
    del case.record.facts[facts.name_of(facts.Targets), ""]
    assert not case.has_learned_nothing and case.status == "healthy" and "1.469" not in verdict(case)


def test_failed_trials_decide_nothing(tmp_path):
    failed = [replace(trial, verdict="failed") for trial in inputs_not_normalised(tmp_path).trials]
    doubtful = replace(instability_symptom(tmp_path), likely=False)
    assert altered(healthy(tmp_path), suspicions=(doubtful,), trials=tuple(failed)).status == "undecided"


def test_without_a_known_constant_the_change_of_the_loss_is_reported(tmp_path):
    case = stuck(healthy(tmp_path), 4.18, 4.1)
    del case.record.facts[facts.name_of(facts.Targets), ""]
    assert "the squared error on the fixed examples changed from 4.18 to 4.1 in 300 steps" in verdict(case)


def test_an_interruption_reports_the_finished_trials(tmp_path):
    trials = inputs_not_normalised(tmp_path).trials
    case = altered(healthy(tmp_path), trials=trials, interrupted=True, suspicions=(instability_symptom(tmp_path),))
    assert verdict(case) == "interrupted, with 1 suspected problem undecided: 3 remedies tried, 1 proved so far"
    dismissed = altered(case, withdrawn=frozenset({"instability"}))
    assert verdict(dismissed) == "interrupted: 3 remedies tried, 1 proved so far"
    assert verdict(altered(case, trials=())).endswith("no trial has finished yet")


def test_an_undecided_verdict_has_a_reason(tmp_path):
    case = replace(healthy(tmp_path), suspicions=(instability_symptom(tmp_path),))
    tried = inputs_not_normalised(tmp_path).trials
    assert verdict(case) == "undecided: 1 suspected problem, and no remedy is known whose trial could confirm it"
    assert "no remedy for it could be tried" in verdict(altered(case, trials=tried[3:]))
    text = "undecided: no trial has confirmed or ruled out 1 suspected problem"
    assert verdict(altered(case, trials=tried[2:])) == text
    case.record.role = "watch"
    assert "descend doctor can test it" in verdict(case)
