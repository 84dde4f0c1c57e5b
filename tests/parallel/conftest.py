import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))


@pytest.fixture(scope="session")
def torchrun():
    """Run a program of this folder in so many processes, as a user would; return how it ended."""

    def run(
        program: str, processes: int, *arguments: str, check: bool = True, restarts: int = 0
    ) -> subprocess.CompletedProcess[str]:
        launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        command = [*launcher, f"--max-restarts={restarts}"]
        ended = subprocess.run(
            [*command, str(HERE / "programs" / program), *arguments],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=90,
        )
        assert not check or ended.returncode == 0, ended.stderr[-3000:]
        return ended

    return run
