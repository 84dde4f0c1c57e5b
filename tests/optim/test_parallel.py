"""Two processes, with replicated and with sharded parameters, take the steps that one process takes."""

import subprocess
import sys
from pathlib import Path

import pytest
from sampling import sampled

SCRIPT = Path(__file__).parent / "parallel.py"


def weights(folder: Path, how: str, name: str, size: int) -> list[float]:
    """Train with some processes and return the weights that the first one prints."""
    arguments = [sys.executable, SCRIPT, how, name, folder / f"{how}-{size}"]
    others = [subprocess.Popen([*arguments, str(rank), str(size)]) for rank in range(1, size)]
    try:
        done = subprocess.run([*arguments, "0", str(size)], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert [process.wait(30) for process in others] == [0] * (size - 1)
    finally:
        for process in others:
            process.kill()
    return [float(value) for value in done.stdout.split()[1:]]


@pytest.mark.slow
@pytest.mark.parametrize("name", sampled(["Adam", "LAMB", "NAdam"], "LAMB"))
def test_two_processes_take_the_steps_of_one(tmp_path, name):
    alone = weights(tmp_path, "ddp", name, 1)
    assert weights(tmp_path, "ddp", name, 2) == pytest.approx(alone, rel=1e-4, abs=1e-6)
    assert weights(tmp_path, "fsdp", name, 2) == pytest.approx(alone, rel=1e-4, abs=1e-6)


def test_two_processes_share_the_curvature_of_sophia(tmp_path):
    """Each process draws labels for its own share of a batch, and the shares have different sizes."""
    assert weights(tmp_path, "ddp", "SophiaG", 2)
