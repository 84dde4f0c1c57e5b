"""A network that is trained in stages is judged by its last one."""

import json
import subprocess
import sys

import pytest
from tables import record_of

from descend.record import Ending, Reading
from descend.trials.arms import yardstick
from descend.trials.candidate import horizon

FINE_TUNING = """
import torch
from torch import nn
from torch.nn.functional import cross_entropy

torch.manual_seed(0)
x = torch.randn(600, 20)
y = (x @ torch.randn(20, 4)).argmax(1)

def fit(net, x, y, lr, steps):
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    for step in range(steps):
        rows = torch.randint(0, len(x), (32,))
        loss = cross_entropy(net(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

def made():
    return nn.Sequential(nn.Linear(20, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 4))

base, net = made(), made()
fit(base, x, y, lr=0.05, steps=300)
net.load_state_dict(base.state_dict())
fit(net, x + 0.1 * torch.randn_like(x), y, lr=2.0, steps=100)
"""


@pytest.mark.parametrize(("reason", "steps"), [("finished", 400), ("window", 300)])
def test_an_arm_is_let_through_all_stages(reason, steps):
    record = record_of(1.0, steps=300, reason=reason)
    record.add(Reading("loss", "1", 99, 2.0))
    assert horizon(record, "last_stage") == steps and horizon(record) == 300


def test_an_arm_that_did_not_reach_the_last_stage_has_no_value():
    exam, arm = record_of(1.0), record_of(0.1)
    exam.add(Reading("loss", "1", 99, 2.0))
    assert yardstick(exam, "last_stage", exam) == ("loss", 2.0)
    assert yardstick(arm, "last_stage", exam)[1] != yardstick(arm, "last_stage", exam)[1]  # NaN


def test_one_infinite_loss_on_the_way_is_no_divergence():
    exam = record_of(1.0)
    for step, value in enumerate([4.0] * 30 + [float("inf"), 2.0, 2.0]):
        exam.add(Reading("loss", "1", step, value))
    assert yardstick(exam, "last_stage", exam)[1] == 2.0
    exam.ending = Ending("interrupted", 130, 100)
    assert yardstick(exam, "last_stage", exam)[1] != 2.0


@pytest.mark.slow
def test_the_rate_of_a_fine_tuning_is_proved_where_the_first_stage_is_the_longer_one(tmp_path):
    (tmp_path / "train.py").write_text(FINE_TUNING)
    command = [sys.executable, "-m", "descend", "doctor", "--format", "json", "train.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    case = json.loads(done.stdout)
    assert case["findings"][0]["symptom"] == "warm_start", done.stderr
    cure = next(trial for trial in case["trials"] if trial["verdict"] == "proved")
    assert "last stage" in cure["metric"] and cure["after"] < 0.3 * cure["before"]
    assert case["reproduced"]
