"""The edit of a sure fact that no trial can judge: a patch of its own, marked as not proved."""

import json
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "gpt_sees_ahead.py"


@pytest.mark.slow
def test_attention_that_sees_ahead_gets_its_edit_and_no_proof(descend, tmp_path):
    script = tmp_path / "train.py"
    script.write_text(SCRIPT.read_text())
    told = descend("doctor", "--format", "json", "--apply", "train.py", cwd=tmp_path)
    case = json.loads(told.stdout)
    assert [finding["symptom"] for finding in case["findings"]] == ["target_leak"], told.stdout + told.stderr
    assert case["patch"] is None and [patch["kind"] for patch in case["patches"]] == ["not_proved"]
    diff = (tmp_path / ".descend" / "1" / "not_proved.diff").read_text()
    assert diff == case["patches"][0]["diff"] and "is_causal=True" in diff
    assert script.read_text() == SCRIPT.read_text()  # --apply writes what is proved alone
