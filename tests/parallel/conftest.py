import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))


@pytest.fixture(scope="session")
def ranks():
    """Run a program of this folder in so many processes, which share the time to import torch; return how it ended."""

    def run(program: str, processes: int, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = [str(HERE / "forked_ranks.py"), str(HERE / "programs" / program), str(processes), *arguments]
        return ended([sys.executable, *command], check)

    return run


@pytest.fixture(scope="session")
def torchrun():
    """Run a program of this folder in so many processes, as a user would; return how it ended."""

    def run(program: str, processes: int, *arguments: str, restarts: int = 0) -> subprocess.CompletedProcess[str]:
        launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        command = [*launcher, f"--max-restarts={restarts}", str(HERE / "programs" / program), *arguments]
        return ended(command, check=True)

    return run


def ended(command: list[str], check: bool) -> subprocess.CompletedProcess[str]:
    """Run a command to its end. check: whether it must not fail."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90)
    assert not check or done.returncode == 0, done.stderr[-3000:]
    return done
