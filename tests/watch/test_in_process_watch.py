"""`with descend.watch(model, optimizer):` records a user's training and reports its findings without changing it."""

import json
import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from sampling import sampled
from waiting import comes

from descend.doctor.record.store import open_store

pytestmark = pytest.mark.slow
PROGRAM = """
import sys
import torch
from torch import nn
{imports}
torch.manual_seed(0)
x = torch.randn(256, 8)
y = x[:, :3].argmax(1)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
losses = []
def train(steps):
    for step in range(steps):
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
{body}
print("losses", losses[-1], sum(losses))
"""
WATCHED = """
with descend.watch(model, optimizer{options}) as watch:
    train(400)
print("run", watch.run, [f["symptom"] for f in watch.findings])
"""


@pytest.fixture
def program(tmp_path):
    def run(body: str, *, imports: str = "import descend", **options) -> subprocess.CompletedProcess[str]:
        path = tmp_path / "train.py"
        path.write_text(PROGRAM.format(imports=imports, body=body))
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        return subprocess.run(
            [sys.executable, "train.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, **options
        )

    return run


def losses(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout.rpartition("losses")[2]


def test_watching_changes_no_loss_and_reports_each_finding_once(program, tmp_path):
    plain = program("train(400)", imports="")
    body = WATCHED.format(options=", on_finding=lambda finding: print('found', finding['symptom'])")
    seen = program(body + "plain = nn.Linear(2, 2)\nassert 'descend' not in type(plain).__init__.__module__")
    assert losses(seen) == losses(plain) and seen.returncode == 0, seen.stderr
    assert seen.stdout.count("found no_zero_grad") == 1
    assert "run 1 ['no_zero_grad']" in seen.stdout
    assert seen.stderr.count("descend: finding:") == 1 and "run 1, 400 steps" in seen.stderr
    with open_store(tmp_path / ".descend") as store:
        record = store.load(1)
        assert len(record.series("loss", "0")) == 400 and record.ending.reason == "finished"
        assert [row["id"] for row in store.load_case(1)[0]] == ["no_zero_grad"]


@pytest.mark.thorough
def test_an_ignored_finding_is_not_reported(program):
    done = program(WATCHED.format(options=", ignore=['no_zero_grad']"))
    assert "run 1 []" in done.stdout and "finding" not in done.stderr


def test_an_error_of_the_program_is_recorded_without_our_frames(program, tmp_path):
    body = WATCHED.format(options="").replace(
        "train(400)", "train(20); loss = torch.tensor([1.0, 2.0]); loss.backward()"
    )
    done = program(body)
    assert done.returncode == 1 and "RuntimeError" in done.stderr.splitlines()[-1]
    trace = done.stderr.partition("Traceback")[2]
    assert "descend/" not in trace and "train.py" in trace
    with open_store(tmp_path / ".descend") as store:
        assert store.load(1).ending.reason == "failed"


def test_a_store_that_cannot_be_written_does_not_stop_the_training(program, tmp_path):
    (tmp_path / "file").write_text("no folder")
    done = program(WATCHED.format(options=", store='file'"))
    assert done.returncode == 0 and "run None []" in done.stdout
    assert "the training continues, but it is not recorded" in done.stderr and "Traceback" not in done.stderr


def test_two_runs_one_after_another_and_one_within_the_other(program):
    body = WATCHED.format(options="").replace("400", "40")
    done = program(body + body + body.replace("train(40)", "\n    with descend.watch():\n        train(40)"))
    assert all(f"run {n} " in done.stdout for n in (1, 2, 3)), done.stderr
    assert done.stderr.count("is already being watched") == 1


@pytest.mark.thorough
def test_a_program_that_watches_itself_can_be_seen_by_the_doctor(descend, program, tmp_path):
    program(WATCHED.format(options="").replace("400", "60"))
    done = descend("watch", "train.py", cwd=tmp_path)
    assert done.returncode == 0 and "is already being watched" in done.stderr and "60 steps" in done.stderr


@pytest.mark.parametrize("wrong", sampled(["model, 3", "3", "model, [model]"], "model, 3"))
def test_arguments_that_are_no_model_or_optimizer_are_refused(program, wrong):
    done = program(f"with descend.watch({wrong}):\n    pass")
    assert done.returncode == 1 and "TypeError" in done.stderr


def test_a_failing_on_finding_is_printed_and_ignored(program):
    done = program(WATCHED.format(options=", on_finding=lambda finding: 1 / 0"))
    assert done.returncode == 0 and "on_finding failed" in done.stderr and "ZeroDivisionError" in done.stderr


def test_a_killed_program_leaves_its_record(tmp_path):
    path = tmp_path / "train.py"
    path.write_text(PROGRAM.format(imports="import descend", body=WATCHED.format(options="").replace("400", "10**9")))
    process = subprocess.Popen([sys.executable, "train.py"], cwd=tmp_path, stderr=subprocess.DEVNULL)
    steps = comes(lambda: _steps(tmp_path))
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert steps > 0
    assert comes(lambda: _ended(tmp_path) is not False) and _ended(tmp_path)


def _steps(folder) -> int:
    if not (folder / ".descend" / "descend.db").exists():
        return 0
    with open_store(folder / ".descend") as store:
        rows = store.runs()
        return rows[0].steps if rows else 0


def _ended(folder) -> bool:
    """Return whether the process that keeps the record has ended, so that the case is stored."""
    with open_store(folder / ".descend") as store:
        return bool(store.load_case(1)[1])


@pytest.fixture
def webhook():
    """Yield the address of a real server, and the requests it has received."""
    sent: list[dict] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            sent.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments):
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/alerts", sent
    server.shutdown()


def test_a_webhook_receives_each_finding_once(program, descend, tmp_path, webhook):
    address, sent = webhook
    program(WATCHED.format(options=f", webhook={address!r}"))
    assert [finding["symptom"] for finding in sent] == ["no_zero_grad"] and sent[0]["where"]["file"] == "train.py"
    path = tmp_path / "plain.py"
    path.write_text(PROGRAM.format(imports="", body="train(300)"))
    descend("watch", "--webhook", address, "plain.py", cwd=tmp_path)
    assert len(sent) == 2
    descend("watch", "--webhook", address, "--ignore", "no_zero_grad", "plain.py", cwd=tmp_path)
    assert len(sent) == 2


def test_an_unreachable_webhook_is_printed_once(program):
    done = program(WATCHED.format(options=", webhook='http://127.0.0.1:9/none'"))
    assert done.returncode == 0 and done.stderr.count("the webhook cannot be reached") == 1
