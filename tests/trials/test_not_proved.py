"""The edit for a certain fact that no trial can compare is a separate patch, marked as not proved."""

import json
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "gpt_sees_ahead.py"


@pytest.mark.slow
def test_attention_to_future_positions_gets_an_unproved_edit(descend_here, tmp_path):
    script = tmp_path / "train.py"
    script.write_text(SCRIPT.read_text())
    done = descend_here("doctor", "--format", "json", "--seeds", "2", "--apply", "train.py", cwd=tmp_path)
    case = json.loads(done.stdout)
    assert [finding["symptom"] for finding in case["findings"]] == ["target_leak"], done.stdout + done.stderr
    assert case["patch"] is None and [patch["kind"] for patch in case["patches"]] == ["not_proved"]
    diff = (tmp_path / ".descend" / "1" / "not_proved.diff").read_text()
    assert diff == case["patches"][0]["diff"] and "is_causal=True" in diff
    assert script.read_text() == SCRIPT.read_text()  # --apply writes proved patches only.
