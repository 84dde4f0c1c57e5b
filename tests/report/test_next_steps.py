"""The verdict, the instruction and the next commands that a coding assistant gets."""

from dataclasses import replace
from pathlib import Path

import pytest
from cases import altered, inputs_not_normalised, instability_symptom, record_of
from endings import empty, failed_script, healthy

from descend.doctor.case import Case
from descend.doctor.report.formats import render, render_for_assistant
from descend.doctor.report.formats.next_steps import AgentVerdict, agent_verdict, instruction, next_commands
from descend.doctor.report.verdict import verdict

STORE = ".descend"


def unproved(case: Case, **changes) -> Case:
    """Return a case whose fix is not proved."""
    return altered(case, fix=None, trials=(replace(case.trials[0], verdict="no_effect"),), **changes)


def with_partial_fix(case: Case) -> Case:
    """Return a case whose fix removes a problem without a gain of the evaluation metric."""
    fix = replace(case.fix, verdict="partly_fixes")
    return altered(case, fix=fix, trials=(fix,))


def test_each_verdict_for_an_assistant_occurs(tmp_path):
    fixed, likely = inputs_not_normalised(tmp_path), replace(instability_symptom(tmp_path), likely=True)
    cases = {
        AgentVerdict.NOTHING_TO_FIX: healthy(tmp_path),
        AgentVerdict.NO_PROBLEM_FOUND: replace(healthy(tmp_path), left_out=("dead_units",)),
        AgentVerdict.PROVED_FIX: fixed,
        AgentVerdict.PARTIAL_FIX: with_partial_fix(fixed),
        AgentVerdict.NO_PROVED_FIX: unproved(fixed),
        AgentVerdict.REMEDIES_NOT_TRIED: altered(fixed, fix=None, trials=(), limit="quick"),
        AgentVerdict.UNDECIDED: altered(healthy(tmp_path), suspicions=(likely,)),
        AgentVerdict.NOT_JUDGED: empty(tmp_path),
        AgentVerdict.INTERRUPTED: altered(healthy(tmp_path), interrupted=True),
        AgentVerdict.SCRIPT_FAILED: failed_script(tmp_path),
    }
    assert cases.keys() == set(AgentVerdict)
    edits = {AgentVerdict.PROVED_FIX, AgentVerdict.PARTIAL_FIX, AgentVerdict.NO_PROVED_FIX, AgentVerdict.SCRIPT_FAILED}
    for expected, case in cases.items():
        assert agent_verdict(case) == expected
        assert render(case, "agent", STORE).startswith(f"verdict: {expected}\naction: {instruction(case)}\n")
        assert instruction(case).startswith("Make no edit") == (expected not in edits)


@pytest.mark.parametrize("limit", ["quick", "budget"])
def test_a_diagnosis_that_left_something_out_never_says_that_nothing_is_to_fix(limit, tmp_path):
    case = healthy(tmp_path)
    assert agent_verdict(altered(case, limit=limit)) == AgentVerdict.NO_PROBLEM_FOUND
    assert next_commands(altered(case, limit=limit), STORE) == ["descend doctor python train.py"]


def test_unknown_targets_and_unobserved_steps_are_not_nothing_to_fix(tmp_path, monkeypatch):
    case = healthy(tmp_path)
    for name in ("has_known_targets", "is_clean"):
        with monkeypatch.context() as context:
            context.setattr(f"descend.doctor.report.formats.next_steps.{name}", lambda case: False)
            assert agent_verdict(case) == AgentVerdict.NO_PROBLEM_FOUND and next_commands(case, STORE) == []


def test_a_certain_finding_that_the_fix_does_not_contain_makes_the_fix_partial(tmp_path):
    case = inputs_not_normalised(tmp_path)
    other = replace(instability_symptom(tmp_path), id="no_zero_grad", certain=True, explains=frozenset())
    partly = altered(case, findings=(*case.findings, other))
    assert agent_verdict(partly) == AgentVerdict.PARTIAL_FIX
    assert verdict(partly).endswith("Then run descend doctor again: it does not fix no_zero_grad")
    assert "does not fix" not in verdict(case)


@pytest.mark.parametrize("early", [{"limit": "budget"}, {"interrupted": True}, {"changed": "train.py was changed"}])
def test_no_edit_is_advised_if_the_trials_ended_early(early, tmp_path):
    case = unproved(inputs_not_normalised(tmp_path), **early)
    assert agent_verdict(case) == AgentVerdict.REMEDIES_NOT_TRIED
    assert next_commands(case, STORE)[0] == "descend doctor python train.py"


def test_the_patch_comes_first_only_if_it_is_proved(tmp_path):
    case = inputs_not_normalised(tmp_path)
    assert next_commands(case, STORE)[0] == "descend apply 7"
    explain, apply, again = next_commands(with_partial_fix(case), STORE)
    assert (explain, apply, again.split()[:2]) == (
        "descend explain inputs_not_normalised", "descend apply 7", ["descend", "doctor"]
    )  # fmt: skip


def failed(case: Case) -> Case:
    """Return a case with the same findings and fix whose script failed."""
    record = record_of(Path(case.record.root))
    record.ending = replace(case.record.ending, reason="failed", status=1, error="ValueError: no\n")
    return replace(case, record=record)


def test_a_script_that_failed_gets_the_patch_first_only_if_it_is_proved(tmp_path):
    case = inputs_not_normalised(tmp_path)
    fixed, partly, none = failed(case), failed(with_partial_fix(case)), failed(unproved(case))
    assert {agent_verdict(c) for c in (fixed, partly, none)} == {AgentVerdict.SCRIPT_FAILED}
    assert instruction(fixed).startswith("Apply the patch and run the script.")
    assert next_commands(fixed, STORE)[:2] == ["descend apply 7", "descend doctor python train.py"]
    assert next_commands(partly, STORE)[0] == "descend doctor python train.py"
    assert instruction(none).startswith("Correct the error") and next_commands(none, STORE) == [
        "descend doctor python train.py", "descend explain inputs_not_normalised"
    ]  # fmt: skip


def test_the_repeated_diagnosis_keeps_the_options_that_leave_nothing_out(tmp_path):
    options = ("--quick", "--budget 90s", "--steps 50", "--select no_batch")
    case = replace(altered(healthy(tmp_path), limit="quick"), options=options)
    assert next_commands(case, "/runs of others") == [
        "descend doctor --store '/runs of others' --steps 50 python train.py"
    ]


def test_the_commands_for_another_directory_change_to_it(tmp_path):
    case = inputs_not_normalised(tmp_path)
    text = render_for_assistant(case, STORE, "/other dir")
    assert "\napply: cd '/other dir' && descend apply 7\n" in text
    assert text.endswith("next: cd '/other dir' && descend explain inputs_not_normalised\n")
    assert "cd " not in render_for_assistant(case, STORE, "")
