"""The examples of several processes: they run as their first line says, and learn."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples" / "spread"
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "least"),
    [
        pytest.param((*TORCHRUN, str(EXAMPLES / "digits.py"), "pipeline"), 80, marks=pytest.mark.thorough),
        pytest.param((*TORCHRUN, str(EXAMPLES / "columns.py")), 80, marks=pytest.mark.thorough),
        ((str(EXAMPLES / "large_batch.py"),), 80),
    ],
    ids=["pipeline", "columns", "large batch"],
)
def test_an_example_learns(command, least) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr[-2000:]
    shares = [float(found) for found in re.findall(r"([\d.]+)% of the held-out digits right", ended.stdout)]
    assert shares and max(shares) > least, ended.stdout
