"""Two processes, with replicated and with sharded parameters, take the steps that one process takes."""

import subprocess
import sys
from pathlib import Path

import pytest
from sampling import sampled

SCRIPT = Path(__file__).parent / "parallel.py"
LAUNCHER = Path(__file__).parents[1] / "parallel" / "forked_ranks.py"


def weights(how: str, name: str, size: int) -> list[float]:
    """Train with some processes and return the weights that the first one prints."""
    command = [sys.executable, LAUNCHER, SCRIPT, str(size), how, name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return [float(value) for value in done.stdout.split()[1:]]


@pytest.mark.slow
@pytest.mark.parametrize("name", sampled(["Adam", "LAMB", "NAdam"], "LAMB"))
def test_two_processes_take_the_steps_of_one(name):
    alone = weights("ddp", name, 1)
    assert weights("ddp", name, 2) == pytest.approx(alone, rel=1e-4, abs=1e-6)
    assert weights("fsdp", name, 2) == pytest.approx(alone, rel=1e-4, abs=1e-6)


def test_two_processes_share_the_curvature_of_sophia():
    """Each process draws labels for its own share of a batch, and the shares have different sizes."""
    assert weights("ddp", "SophiaG", 2)
