"""Unusual environments of a training: profilers and debuggers, read-only folders, simultaneous runs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sampling import sampled

from descend.doctor.record.store import open_store

pytestmark = pytest.mark.slow
TRAINING = """
import sys, time, torch
torch.manual_seed(0)
x, y = torch.randn(256, 8), torch.randint(3, (256,))
model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
losses = []

def train():
    for step in range(300):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

{body}
print("losses", losses[-1], sum(losses))
"""
BODIES = {
    "torch.profiler": """
with torch.profiler.profile() as profile:
    train()
counts = {e.key: e.count for e in profile.key_averages()}
print(counts["aten::addmm"], counts["Optimizer.step#SGD.step"], counts["aten::cross_entropy_loss"])
""",
    "cProfile": """
import cProfile
profile = cProfile.Profile()
profile.runcall(train)
""",
    "a tracing debugger": """
lines = [0]
def trace(frame, event, argument):
    lines[0] += frame.f_code.co_name == "train" and event == "line"
    return trace
sys.settrace(trace)
train()
sys.settrace(None)
print("lines", lines[0])
""",
    "anomaly detection": """
with torch.autograd.set_detect_anomaly(True):
    train()
""",
    "a clock that is set": """
now = time.time
time.time = lambda: now() - 1e6
train()
""",
}


def plainly(path: Path) -> str:
    command = [sys.executable, path.name]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=path.parent, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.fixture(params=sampled(BODIES, "torch.profiler"))
def script(request, tmp_path) -> Path:
    path = tmp_path / "train.py"
    path.write_text(TRAINING.format(body=BODIES[request.param]))
    return path


def test_a_script_is_watched_together_with_other_tools(script, descend):
    done = descend("watch", "--store", "runs", script.name, cwd=script.parent)
    assert done.returncode == 0 and done.stdout == plainly(script), done.stderr
    with open_store(str(script.parent / "runs")) as store:
        record = store.load(store.runs()[-1].number)
    assert record.series("loss", "0").steps == tuple(range(300)) and record.ending.reason == "finished"


@pytest.mark.thorough
def test_a_script_is_examined_together_with_other_tools(script, descend_here):
    only = ("--select", "instability")  # Trials see the same environment as the examined run.
    done = descend_here("doctor", "--store", "runs", "--seconds", "20", *only, script.name, cwd=script.parent)
    assert done.returncode in (0, 1, 3) and "Traceback" not in done.stdout + done.stderr, done.stderr


@pytest.fixture
def ordinary_user():
    """Return a function that runs a command as a user without root's permissions."""
    if os.getuid():
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere, and there is no setpriv to take that from it")
    return ["setpriv", "--bounding-set=-dac_override"]


@pytest.mark.parametrize("command", sampled([["watch"], ["doctor", "--select", "dead_units"]], ["watch"]), ids=" ".join)
def test_a_read_only_folder_is_reported(command, ordinary_user, descend, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "train.py").write_text(TRAINING.format(body="train()"))
    home.chmod(0o555)
    done = descend(*command, "train.py", cwd=home, through=ordinary_user)
    assert done.returncode == 2 and "--store" in done.stderr and "Traceback" not in done.stderr
    done = descend(*command, "--store", str(tmp_path / "runs"), "train.py", cwd=home, through=ordinary_user)
    assert done.returncode in (0, 1, 3) and "Traceback" not in done.stderr, done.stderr
    assert [path.name for path in home.iterdir()] == ["train.py"]
    home.chmod(0o755)


def test_two_simultaneous_runs_in_one_folder_are_both_stored(tmp_path):
    (tmp_path / "train.py").write_text(TRAINING.format(body="train()"))
    command = [sys.executable, "-m", "descend", "watch", "train.py"]
    both = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    printed = [run.communicate(timeout=120)[0] for run in both]
    assert printed[0] == printed[1] and all(run.returncode == 0 for run in both)
    with open_store(str(tmp_path / ".descend")) as store:
        records = [store.load(listed.number) for listed in store.runs()]
    assert [record.series("loss", "0").steps for record in records] == [tuple(range(300))] * 2
