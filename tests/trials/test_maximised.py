"""Programs that maximise a log-likelihood have no finding; one that maximises a cost has."""

import json
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parents[1] / "scripts" / "maximised"
CORRECT = ("weibull_survival", "poisson_regression", "gaussian_mixture", "reversed_gradients", "ascent_by_hand")


@pytest.mark.slow
@pytest.mark.parametrize("program", CORRECT)
def test_a_program_that_maximises_its_log_likelihood_has_no_finding(program, descend_here, tmp_path):
    output = descend_here("doctor", "--format", "json", "--seeds", "2", str(PROGRAMS / f"{program}.py"), cwd=tmp_path)
    case = json.loads(output.stdout)
    assert not case["findings"] and not case["suspicions"], output.stdout + output.stderr
    assert "steps_too_long" not in case["undecided_because"]


@pytest.mark.slow
@pytest.mark.thorough
def test_a_negative_log_likelihood_that_is_maximised_is_reported(descend_here, tmp_path):
    program = str(PROGRAMS / "maximised_cost.py")
    output = descend_here(
        "doctor", "--format", "json", "--seeds", "2", "--select", "negated_loss", program, cwd=tmp_path
    )
    case = json.loads(output.stdout)
    assert [finding["symptom"] for finding in case["findings"]] == ["negated_loss"], output.stdout + output.stderr
    assert "maximize=False" in case["patch"] or "maximize=True" in case["patch"]
