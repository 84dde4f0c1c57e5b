"""Nothing is left over after any ending: no process, no folder."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sampling import sampled
from waiting import comes

from descend.doctor.execution.keeper import descendants
from descend.doctor.sandbox.promises import LEVELS

from .world import named, none_left, skip_unless_reached

ENDLESS = """
import ctypes, os, time, torch
from torch.utils.data import DataLoader, TensorDataset
ctypes.CDLL(None).prctl(15, b"{script}")
def name(worker):
    ctypes.CDLL(None).prctl(15, b"{worker}")
data = TensorDataset(torch.randn(64, 4), torch.randn(64, 1))
batches = DataLoader(data, batch_size=8, num_workers=1, worker_init_fn=name, persistent_workers=True)
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
while True:
    for x, y in batches:
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()
        time.sleep(0.01)
"""


class Consultation:
    """`descend doctor` on a script that never ends, in the middle of its first run."""

    def __init__(self, folder: Path, level: str) -> None:
        self.names = f"scr{os.getpid()}", f"wrk{os.getpid()}"
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        (folder / "train.py").write_text(ENDLESS.format(script=self.names[0], worker=self.names[1]))
        self.folder, self.level = folder, level
        self.process = self.start()
        has_begun = comes(lambda: all(map(named, self.names)), within=120, of=self.process)
        assert has_begun, self.process.communicate()
        self.below = descendants(self.process.pid)

    def start(self, script: str = "train.py") -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "descend", "doctor", "--sandbox", self.level, "--steps", "1000000"]
        return subprocess.Popen(
            [*command, "--seconds", "600", script],
            cwd=self.folder,
            env={**os.environ, "TMPDIR": str(self.temporary), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def is_over(self) -> bool:
        """Whether nothing of it is left but folders that a killed process could not delete."""
        return all(none_left(name) for name in self.names)

    def processes(self) -> dict[str, int]:
        """The numbers of the run's processes, read while all of them are there: one run may follow another."""
        found: dict[str, int] = {}

        def read() -> bool:
            try:
                script, worker = (named(name)[-1] for name in self.names)
                keeper = above(script) if self.level != "namespaces" else above(above(script))
                found.update(script=script, worker=worker, keeper=keeper, server=above(keeper))
            except (OSError, IndexError):
                return False
            return True

        assert comes(read, of=self.process)
        return found


def above(pid: int) -> int:
    return int(Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[1])


def all_gone(processes: set[int]) -> bool:
    """Return whether no process of these is left, not even a zombie, which init may reap a moment later."""
    return comes(lambda: not any(Path("/proc", str(pid)).exists() for pid in processes))


def kept_exit(folder: Path) -> dict[str, object]:
    """The exit status of the last consultation, as it was kept."""
    command = [sys.executable, "-m", "descend", "diagnose", "--format", "json"]
    return json.loads(subprocess.run(command, cwd=folder, capture_output=True, text=True).stdout)["exit"]


@pytest.fixture
def consultation(tmp_path):
    begun: list[Consultation] = []

    def begin(level: str) -> Consultation:
        skip_unless_reached(level)
        begun.append(Consultation(tmp_path, level))
        return begun[0]

    yield begin
    for one in begun:
        one.process.kill()
        one.process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("level", sampled(LEVELS, "namespaces"))
def test_after_the_doctor_was_killed_and_the_next_has_begun(consultation, level):
    one = consultation(level)
    one.process.kill()
    one.process.wait()
    assert one.is_over()
    (one.folder / "none.py").write_text("raise SystemExit(3)\n")
    assert one.start("none.py").wait() == 4
    assert list(one.temporary.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("ending", sampled([signal.SIGINT, signal.SIGTERM, signal.SIGHUP], signal.SIGINT))
def test_after_a_signal_ended_it(consultation, ending):
    one = consultation("landlock")
    os.kill(one.process.pid, ending)
    out, _ = one.process.communicate(timeout=120)
    assert one.process.returncode == 128 + ending and "verdict    interrupted" in out, out
    assert kept_exit(one.folder)["status"] == 128 + ending
    assert one.is_over() and list(one.temporary.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("level", sampled(LEVELS, "landlock"))
@pytest.mark.parametrize("who", sampled(["script", "worker", "keeper", "server"], "worker"))
def test_after_one_of_its_processes_was_killed(consultation, level, who):
    one = consultation(level)
    os.kill(one.processes()[who], signal.SIGKILL)
    out, _ = one.process.communicate(timeout=300)
    assert 'Traceback (most recent call last):\n  File "' + str(Path(__file__).parents[2] / "src") not in out
    assert one.is_over() and list(one.temporary.iterdir()) == []
    assert all_gone(one.below)
