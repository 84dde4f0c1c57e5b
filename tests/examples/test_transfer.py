"""Transfer on the digits: the features of the first task help the second one, as the page shows."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "transfer" / "digits.py"


@pytest.mark.slow
@pytest.mark.thorough
def test_the_features_of_another_task_help_with_few_examples():
    out = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=True, timeout=300).stdout
    scratch, head, tuned = (float(share) for share in re.findall(r"([\d.]+)% \(", out))
    assert scratch + 2 < head <= tuned
    after = (ROOT / "docs" / "knobs.md").read_text().split("$ python examples/transfer/digits.py")[1]
    shown = [float(share) for share in re.findall(r"([\d.]+)% \(", after)]
    assert shown[:3] == pytest.approx([scratch, head, tuned], abs=1.0)
