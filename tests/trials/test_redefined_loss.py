"""A fix that edits the loss that the script also evaluates on held-out data."""

import json
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "vae_mean_and_sum.py"


@pytest.mark.slow
@pytest.mark.thorough
def test_a_held_out_loss_in_another_unit_rejects_no_fix(descend_here, tmp_path):
    """The summed loss is 64 times the mean, and the same function evaluates both. The sum trains better."""
    options = ("--format", "json", "--select", "mixed_reductions", "--seeds", "2")
    done = descend_here("doctor", *options, str(SCRIPT), cwd=tmp_path)
    case = json.loads(done.stdout)
    assert [finding["symptom"] for finding in case["findings"]] == ["mixed_reductions"], done.stdout + done.stderr
    proved = [trial for trial in case["trials"] if trial["verdict"] == "proved"]
    assert [trial["remedies"] for trial in proved] == [["loss_reduction"]] and 'reduction="sum"' in case["patch"]
