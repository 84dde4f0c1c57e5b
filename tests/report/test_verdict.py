"""The case in one sentence."""

from dataclasses import replace

import pytest
from cases import dead_units, inputs_not_normalised, instability_symptom
from endings import empty, failed_script, healthy, killed

from descend.doctor.record import Ending, Fact, Reading, Site, facts
from descend.doctor.record.failures import cause_of
from descend.doctor.report.observed import observed
from descend.doctor.report.verdict import causes, headline, is_clean, is_judged, verdict


def test_a_proved_remedy_is_named_with_its_numbers(tmp_path):
    case = inputs_not_normalised(tmp_path)
    assert headline(case) == "Inputs are not normalised"
    assert verdict(case) == "1 finding, and a proved remedy: standardise inputs, 2.301 → 0.083 on 5 seeds"


@pytest.mark.parametrize(
    ("verdicts", "text"),
    [
        ((), "1 finding, no remedy tried"),
        (("failed",), "1 finding, but no remedy could be tried"),
        (("no_effect",), "1 finding, but the one remedy tried did not help"),
        (("no_effect", "worse", "failed"), "1 finding, but none of the 2 remedies tried helped"),
        (("worse", "helps"), "1 finding, and a remedy that helped once but is not proved"),
        (("not_proved",), "1 finding, and a remedy that helped once but is not proved"),
    ],
)
def test_without_a_cure_the_trials_have_the_word(tmp_path, verdicts, text):
    case = inputs_not_normalised(tmp_path)
    trials = tuple(replace(case.trials[0], verdict=name, patch="") for name in verdicts)
    assert verdict(replace(case, trials=trials, cure=None)) == text


def test_only_of_a_run_that_was_observed_it_is_said_that_no_problem_was_found(tmp_path):
    case = healthy(tmp_path)
    assert verdict(case) == "no problem found in the 300 steps observed"
    for other in (empty(tmp_path), killed(tmp_path)):
        assert not is_judged(other)
        assert not is_clean(other) and "no problem found" not in (verdict(other) + headline(other)).lower()
    assert verdict(replace(case, left_out=("dead_units",))).endswith("observed; not looked for: dead_units")


def test_a_run_of_which_no_step_could_be_replayed_is_undecided(tmp_path):
    case = healthy(tmp_path)
    del case.record.facts[facts.name_of(facts.Monitor), ""]
    assert verdict(case) == "undecided: no training step could be replayed, so little could be measured"
    assert not is_clean(case) and headline(case) == "Undecided: little could be measured"


def test_that_the_targets_are_unknown_is_said_with_no_problem_found(tmp_path):
    case = healthy(tmp_path)
    for name, place in [key for key in case.record.readings if key[0] == "yardstick"]:
        del case.record.readings[name, place]
    case.record.add(Reading("yardstick", "loss", 0, 1.0))
    assert verdict(case).startswith(
        "no problem found in the 300 steps observed, but the loss does not show the targets"
    )
    assert headline(case) == "No problem found, but the targets are not known"


@pytest.mark.parametrize(
    ("reason", "steps", "backward", "text"),
    [
        ("finished", 0, False, "the script ended without an optimizer step or a backward pass: nothing to diagnose"),
        ("window", 0, False, "the script took no optimizer step in 600 s: nothing to diagnose"),
        ("finished", 0, True, "the script calls backward(), but no optimizer ever steps: nothing is trained (is "),
        ("finished", 1, True, "the script ended after a single optimizer step: too little to diagnose"),
        ("interrupted", 0, False, "no optimizer step was seen, so there is nothing to judge"),
    ],
)
def test_a_run_without_several_steps_could_not_be_judged(tmp_path, reason, steps, backward, text):
    case = healthy(tmp_path)
    if backward:
        case.record.add(Site("backward", "", "train.py", 9))
    case.record.add(Ending(reason, 0, steps, wall_s=600.0))
    assert verdict(case).startswith(text) and headline(case) == "The run could not be judged"


def test_a_failed_script_is_said_in_one_line(tmp_path):
    case = failed_script(tmp_path)
    text = verdict(case)
    assert text.startswith("the script failed after 12 steps with status 1: ValueError: Expected input")
    assert "\n" not in text
    with_finding = replace(case, findings=dead_units(tmp_path).findings)
    assert verdict(with_finding).endswith(
        "(64) to match target batch_size (32); 1 finding before that, no remedy tried"
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
def test_the_cause_of_a_failure_is_the_exception_and_the_first_line_of_its_message(error, cause):
    assert cause_of(error) == cause


def test_a_run_of_too_few_steps_is_undecided(tmp_path):
    case = healthy(tmp_path)
    case.record.add(Ending("window", 0, 7, wall_s=4.0, loop_s=2.1))
    assert verdict(case).startswith("undecided: only 7 optimizer steps were observed, too few to judge a training")
    assert not is_clean(case) and "too few" in headline(case)


def test_what_went_into_measuring_is_told(tmp_path):
    case = healthy(tmp_path)
    case.record.add(Ending("window", 0, 42, wall_s=90.0, loop_s=78.0, probe_s=53.0))
    assert observed(case) == "the first 42 steps of python train.py, in 1 min 18 s (53 s of it measuring)"


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
def test_what_was_observed(tmp_path, reason, steps, text):
    case = healthy(tmp_path)
    case.record.add(Ending(reason, 0, steps, wall_s=4.0, loop_s=2.1))
    assert observed(case) == text


def test_consequences_do_not_stand_by_themselves(tmp_path):
    case = inputs_not_normalised(tmp_path)
    assert [finding.id for finding in case.findings] == ["inputs_not_normalised", "instability"]
    assert [finding.id for finding in causes(case)] == ["inputs_not_normalised"]


def test_findings_that_explain_each_other_do_not_vanish(tmp_path):
    first = instability_symptom(tmp_path)
    second = replace(first, id="dead_units", explains=frozenset({"instability"}))
    case = replace(dead_units(tmp_path), findings=(first, second))
    assert [finding.id for finding in causes(case)] == ["instability"]


def test_an_edit_for_what_is_sure_that_no_trial_could_judge_is_named(tmp_path):
    case = inputs_not_normalised(tmp_path)
    text = verdict(replace(case, trials=(replace(case.trials[0], verdict="failed"),), cure=None))
    assert text == "1 finding, and a change for it that no trial could prove: standardise inputs"


def test_more_passes_do_not_unbreak_what_else_was_found(tmp_path):
    case = inputs_not_normalised(tmp_path)
    longer = replace(case.cure, verdict="train_longer", label="4 times as many passes")
    one = replace(case, cure=longer, trials=(longer,))
    assert "nothing is broken: with 4 times as many passes" in verdict(one)
    two = replace(one, findings=(*one.findings, replace(one.findings[0], id="target_leak")))
    assert "nothing is broken" not in verdict(two) and "2 findings" in verdict(two)


def test_what_makes_a_sure_mistake_go_away_is_no_gain(tmp_path):
    case = inputs_not_normalised(tmp_path)
    mends = replace(case.cure, verdict="mends", label="without mul in line 57")
    text = verdict(replace(case, cure=mends, trials=(mends,)))
    assert "and a change that removes it: without mul in line 57; no run is clearly worse, " in text


def stuck(case, *values):
    for key in [key for key in case.record.readings if key[0] == "yardstick"]:
        del case.record.readings[key]
    for step, value in enumerate(values):
        case.record.add(Reading("yardstick", "squared_error", 100 * step, value))
    case.record.add(Fact.of(facts.Targets("float32", 256, -5.0, 5.0, mean=0.0, std=1.72, constant_cost=2.95), 0))
    return case


def test_a_cost_that_fell_and_is_no_better_than_a_constant_is_told_by_its_numbers(tmp_path):
    text = verdict(stuck(healthy(tmp_path), 4.18, 2.92))
    assert "hardly" not in text
    assert text.startswith(
        "undecided: after 300 steps the squared error of the fixed examples is 2.92, about that of the best constant "
        "prediction (2.95)"
    )


def test_what_learns_little_is_undecided_and_not_said_never_to_learn(tmp_path):
    case = stuck(healthy(tmp_path), 4.18, 2.92)
    assert case.status == "undecided" and "little" in headline(case) and verdict(case).count("still falling") == 1
    losses = case.record.readings["loss", "0"][1]
    losses[:] = [1.0 + 0.1 * (i % 2) for i in range(len(losses))]
    assert "little or nothing so far" in headline(case) and "falling" not in verdict(case)
    suspected = replace(case, suspicions=(instability_symptom(tmp_path),), dismissed=("instability",))
    assert verdict(suspected).endswith("no trial has confirmed what was suspected: training is unstable")
    case.record.readings["learning_rate", "0"] = ([*range(300)], [1e-3 * (step + 1) / 2000 for step in range(300)])
    assert "so all 300 steps are warm-up" in verdict(suspected)


def test_one_reading_of_the_cost_has_no_course(tmp_path):
    case = stuck(healthy(tmp_path), 1.469)
    del case.record.facts[facts.name_of(facts.Targets), ""]
    assert not case.learnt_nothing and case.status == "healthy" and "1.469" not in verdict(case)


def test_trials_that_could_not_be_run_decide_nothing(tmp_path):
    failed = [replace(trial, verdict="failed") for trial in inputs_not_normalised(tmp_path).trials]
    doubtful = replace(instability_symptom(tmp_path), likely=False)
    assert replace(healthy(tmp_path), suspicions=(doubtful,), trials=tuple(failed)).status == "undecided"


def test_a_cost_beside_which_no_constant_is_known_is_told_as_it_went(tmp_path):
    case = stuck(healthy(tmp_path), 4.18, 4.1)
    del case.record.facts[facts.name_of(facts.Targets), ""]
    assert "the squared error of the fixed examples went from 4.18 to 4.1 in 300 steps" in verdict(case)


def test_an_interruption_says_how_far_the_trials_came(tmp_path):
    """Not that none could be tried, above five that were."""
    trials = inputs_not_normalised(tmp_path).trials
    case = replace(healthy(tmp_path), trials=trials, interrupted=True, suspicions=(instability_symptom(tmp_path),))
    assert verdict(case) == "interrupted, with 1 suspicion open: 3 remedies tried, 1 proved so far"
    dismissed = replace(case, dismissed=("instability",))
    assert verdict(dismissed) == "interrupted: 3 remedies tried, 1 proved so far"
    assert verdict(replace(case, trials=())).endswith("no trial has finished yet")


def test_undecided_says_what_kept_it_so(tmp_path):
    case = replace(healthy(tmp_path), suspicions=(instability_symptom(tmp_path),))
    tried = inputs_not_normalised(tmp_path).trials
    assert verdict(case) == "undecided: 1 suspicion, and no known remedy could decide it"
    assert "no remedy that would decide it could be tried" in verdict(replace(case, trials=tried[3:]))
    assert verdict(replace(case, trials=tried[2:])) == "undecided: no trial has confirmed or dismissed 1 suspicion"
    case.record.role = "watch"
    assert "descend doctor can decide it" in verdict(case)
