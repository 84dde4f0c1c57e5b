"""The properties hold of real consultations that are kept: `python tests/consistency/keep.py` adds to them."""

import pytest
from kept_cases import CASES, Kept, read_kept
from violations import violations

from descend.doctor.report.formats import RENDERERS, render
from descend.doctor.report.formats.next_steps import AgentVerdict, agent_verdict

KEPT = [*read_kept()] if CASES.exists() else []


@pytest.mark.parametrize("kept", KEPT, ids=[kept.name for kept in KEPT])
def test_a_kept_case_is_consistent(kept: Kept) -> None:
    assert violations(kept.case) == []


@pytest.mark.parametrize("kept", KEPT[::6], ids=[kept.name for kept in KEPT[::6]])
def test_all_formats_of_a_kept_case_name_its_findings(kept: Kept) -> None:
    case = kept.case
    for format in RENDERERS:
        text = render(case, format, ".descend")
        assert all(finding.id in text for finding in case.findings[:3]), format
    is_without_problem = agent_verdict(case) in (AgentVerdict.NOTHING_TO_FIX, AgentVerdict.NO_PROBLEM_FOUND)
    assert is_without_problem == (case.status == "healthy")


def test_what_is_kept_has_findings_trials_and_patches():
    cases = [kept.case for kept in KEPT]
    assert any(case.findings for case in cases) and any(case.patch for case in cases)
    assert sum(len(case.trials) for case in cases) > len(cases)
