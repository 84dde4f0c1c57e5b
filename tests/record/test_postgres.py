"""A real PostgreSQL server stores the same runs as SQLite, from many writers at once, and may restart meanwhile."""

import json
import subprocess
import sys
import time

import pytest
from complaints import complaints
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from waiting import comes

from descend.doctor.record import Reading, Record
from descend.doctor.record.store import open_store

from .test_store import WRITES, bits, written_and_loaded
from .test_wire import message

pytestmark = pytest.mark.slow
SICK = """
import torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(256, 8)
y = x[:, :3].argmax(1)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3), nn.Softmax(dim=1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
for step in range(200):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
"""


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(messages=st.lists(message, max_size=40), cut=st.integers(0, 40))
def test_stored_messages_are_loaded_unchanged(postgres, messages, cut):
    record = Record(script="train.py --épochs 3", seed=-7, environment={"torch": "2.13", "größe": "λ"})
    with open_store(postgres.url) as store:
        loaded = written_and_loaded(store, record, messages, cut)
    assert list(loaded.readings) == list(record.readings)
    assert bits(loaded) == bits(record)


def test_eight_processes_write_at_once_and_lose_nothing(postgres):
    program = WRITES.replace("Path(sys.argv[1])", "sys.argv[1]")
    command = [sys.executable, "-c", program, postgres.url, "300", "0.005"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    last = [process.communicate(timeout=120)[0].splitlines()[-1].split() for process in processes]
    assert {failure for _, failure in last} == {"None"} and len({number for number, _ in last}) == 8
    with open_store(postgres.url) as store:
        for number, _ in last:
            kept = store.load(int(number)).series("loss")
            assert kept.steps == tuple(range(300)) and kept.values == tuple(1 / (1 + step) for step in range(300))


def test_a_restarted_server_gets_the_messages_that_it_has_missed(postgres):
    with open_store(postgres.url) as store:
        number = store.begin(Record(script="train.py"))
        with store.writer(number) as writer:
            writer.add([Reading("loss", "", 0, 1.0)])
            time.sleep(1.5)
            postgres.stop()
            try:
                writer.add([Reading("loss", "", 1, 0.5)])
                assert comes(lambda: writer.failure)
                assert "hunter2" not in writer.failure and "\n" not in writer.failure
            finally:
                postgres.start()
            writer.add([Reading("loss", "", 2, 0.25)])
        assert writer.failure is None
        assert store.load(number).series("loss").values == (1.0, 0.5, 0.25)


def test_a_missing_server_is_reported_in_one_line(descend_here, tmp_path):
    (tmp_path / "train.py").write_text(SICK)
    url = "postgresql+psycopg://me:hunter2@127.0.0.1:9/runs"
    done = descend_here("doctor", "--store", url, "train.py", cwd=tmp_path)
    assert done.returncode == 2 and len(complaints(done.stderr)) == 1 and "hunter2" not in done.stderr, done.stderr


def test_the_doctor_watch_and_report_work_with_it(postgres, descend, descend_here, tmp_path):
    (tmp_path / "train.py").write_text(SICK)
    store = ("--store", postgres.url)
    done = descend_here("doctor", *store, "--seeds", "2", "--steps", "80", "--format", "json", "train.py", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    case = json.loads(done.stdout)
    assert case["findings"][0]["symptom"] == "output_loss_mismatch" and case["patch"]
    again = descend_here("diagnose", *store, "--format", "json", cwd=tmp_path)
    assert json.loads(again.stdout) | {"reproduced": 0} == case | {"reproduced": 0}
    page = descend_here("report", *store, cwd=tmp_path).stdout.strip()
    assert "the output of softmax" in (tmp_path / page).read_text()
    assert descend("watch", *store, "train.py", cwd=tmp_path).returncode == 0
    assert "watch" in descend_here("runs", *store, cwd=tmp_path).stdout
