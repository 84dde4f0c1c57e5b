"""An augmentation that moves the batch is kept, and its axes are corrected."""

import json
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "rolls_the_batch.py"


@pytest.mark.slow
@pytest.mark.thorough
def test_a_roll_along_the_batch_gets_the_axes_of_the_image(descend_here, tmp_path):
    output = descend_here("doctor", "--format", "json", "--seeds", "2", str(SCRIPT), cwd=tmp_path)
    case = json.loads(output.stdout)
    assert [finding["symptom"] for finding in case["findings"]] == ["unpaired_targets"], output.stdout + output.stderr
    assert "dims=(0, 1)" in case["findings"][0]["sentence"]
    assert "+    return torch.roll(batch, shift, dims=(1, 2))" in case["patch"]
