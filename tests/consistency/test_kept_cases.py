"""The properties hold of real consultations that are kept: `python tests/consistency/keep.py` adds to them."""

import pytest
from kept_cases import CASES, Kept, read_kept
from violations import violations

KEPT = [*read_kept()] if CASES.exists() else []


@pytest.mark.parametrize("kept", KEPT, ids=[kept.name for kept in KEPT])
def test_a_kept_case_is_consistent(kept: Kept) -> None:
    assert violations(kept.case) == []


def test_what_is_kept_has_findings_trials_and_patches():
    cases = [kept.case for kept in KEPT]
    assert any(case.findings for case in cases) and any(case.patch for case in cases)
    assert sum(len(case.trials) for case in cases) > len(cases)
