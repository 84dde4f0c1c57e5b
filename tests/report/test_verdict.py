"""The case in one sentence."""

from dataclasses import replace

import pytest
from cases import dead_units, inputs_not_normalised, instability_symptom
from endings import empty, failed_script, healthy, killed

from descend.record import Ending, Reading, Site
from descend.report.verdict import causes, headline, is_judged, observed, verdict


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
    trials = tuple(replace(case.trials[0], verdict=name) for name in verdicts)
    assert verdict(replace(case, trials=trials, cure=None)) == text


def test_only_a_run_that_was_seen_gets_a_clean_bill(tmp_path):
    case = healthy(tmp_path)
    assert verdict(case) == "clean bill: nothing wrong was found in the 300 steps observed"
    for other in (empty(tmp_path), killed(tmp_path)):
        assert not is_judged(other)
        assert "clean" not in (verdict(other) + headline(other)).lower()
    assert verdict(replace(case, left_out=("dead_units",))).endswith("observed; not looked for: dead_units")


def test_a_run_of_which_no_step_could_be_replayed_gets_no_clean_bill(tmp_path):
    case = healthy(tmp_path)
    del case.record.facts["monitor", ""]
    assert verdict(case).startswith("nothing wrong was seen in the 300 steps observed, but none could be replayed")
    assert "clean" not in headline(case)


def test_a_loss_that_shows_no_targets_gets_no_clean_bill(tmp_path):
    case = healthy(tmp_path)
    for name, place in [key for key in case.record.readings if key[0] == "yardstick"]:
        del case.record.readings[name, place]
    case.record.add(Reading("yardstick", "loss", 0, 1.0))
    assert verdict(case).startswith("nothing wrong was found in the 300 steps observed, but no loss call shows")
    assert "clean" not in (verdict(case) + headline(case)).lower()


@pytest.mark.parametrize(
    ("reason", "steps", "backward", "text"),
    [
        ("finished", 0, False, "the script ended without an optimizer step or a backward pass: nothing to diagnose"),
        ("window", 0, False, "the script took no optimizer step in 600 s: nothing to diagnose"),
        ("finished", 0, True, "the script goes backward, but no optimizer ever steps: nothing is trained (is "),
        ("finished", 1, True, "the script ended after a single optimizer step: too little to diagnose"),
        ("interrupted", 0, False, "no optimizer step was seen, so there is nothing to judge"),
    ],
)
def test_too_short_a_run_gets_no_clean_bill(tmp_path, reason, steps, backward, text):
    case = healthy(tmp_path)
    if backward:
        case.record.add(Site("backward", "", "train.py", 9))
    case.record.add(Ending(reason, 0, steps, wall_s=600.0))
    assert verdict(case).startswith(text) and "clean" not in headline(case).lower()


def test_a_failed_script_is_said_in_one_line(tmp_path):
    case = failed_script(tmp_path)
    text = verdict(case)
    assert text.startswith("the script failed after 12 steps with status 1: ValueError: Expected input")
    assert "\n" not in text
    with_finding = replace(case, findings=dead_units(tmp_path).findings)
    assert verdict(with_finding).endswith("(64) to match target batch_size (32); 1 finding until then, no remedy tried")


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
