"""The line that says for how many problems a run was checked."""

import pytest

from descend.doctor.catalog.checks import Check
from descend.doctor.report import performed_checks


@pytest.mark.parametrize(
    ("left_out", "said"),
    [
        (["cliff", "bad_data"], "for 1 problem; not requested: bad_data, cliff"),
        (["a", "b", "c", "d", "e", "f"], "for 1 problem; 6 were not requested"),
    ],
)
def test_a_few_problems_that_were_not_requested_are_named(monkeypatch, left_out, said):
    found = {"checked": ["no_step"], "not_checked": [], "not_requested": left_out}

    def checks(case, outcome):
        return [Check(symptom, outcome) for symptom in found[outcome]]

    monkeypatch.setattr(performed_checks, "select_checks", checks)
    assert performed_checks.checks_message(case=None) == said
