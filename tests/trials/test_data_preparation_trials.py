"""Whole consultations on scripts that prepare their data: trials that omit one statement of the preparation."""

import json

import pytest

HEAD = """import numpy as np
import torch
from torch import nn
from sklearn.datasets import load_digits

torch.manual_seed(0)
rng = np.random.default_rng(0)
x, y = load_digits(return_X_y=True)
x = x / 16
"""
TAIL = """
net = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
x, y, held_out, right = (torch.tensor(a) for a in (x[400:], y[400:], x[:400], y[:400]))
for epoch in range(12):
    for rows in torch.randperm(len(x)).split(64):
        loss = nn.functional.cross_entropy(net(x[rows].float()), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
print("test accuracy", (net(held_out.float()).argmax(1) == right).float().mean().item())
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "mistake",
    [
        "x[400:] = np.roll(x[400:], 5, axis=1)",  # It changes the training data only.
        pytest.param("rng.shuffle(y)", marks=pytest.mark.thorough),  # training and test
    ],
)
def test_a_mistake_in_the_data_preparation_is_found(descend_here, tmp_path, mistake):
    (tmp_path / "train.py").write_text(f"{HEAD}{mistake}{TAIL}")
    case = json.loads(descend_here("doctor", "--format", "json", "--seeds", "2", "train.py", cwd=tmp_path).stdout)
    assert f"-{mistake}" in case["patch"] and case["patch"].count("\n-") == 1, case["trials"]
    assert "unreadable" in [finding["symptom"] for finding in case["findings"]]


# Half of the inputs' variance is noise. Without it the task is easier, and the test data differ.
DRAWN = """import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(500, 6)
noise = torch.randn(500, 6)
y = x[:, :1] + x[:, 1:2] * 0.5
x += noise * 0.7
net = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(30):
    for rows in torch.randperm(400).split(40):
        loss = nn.functional.mse_loss(net(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
with torch.no_grad():
    print("test r2", (1 - (net(x[400:]) - y[400:]).pow(2).mean() / y[400:].var()).item())
"""


# A number is no data set. Another finding reports its value.
CONFIGURED = """import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(500, 6)
y = (x[:, :1] > 0).float()
options = {"lr": 0.3}
options["lr"] = 1e-5
net = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=options["lr"])
for epoch in range(30):
    for rows in torch.randperm(400).split(40):
        loss = nn.functional.binary_cross_entropy_with_logits(net(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
with torch.no_grad():
    print("test accuracy", ((net(x[400:]) > 0).float() == y[400:]).float().mean().item())
"""


@pytest.mark.slow
def test_a_number_is_not_reported_as_data(descend_here, tmp_path):
    (tmp_path / "train.py").write_text(CONFIGURED)
    asked = ("--format", "json", "--seeds", "2", "--select", "unreadable")
    case = json.loads(descend_here("doctor", *asked, "train.py", cwd=tmp_path).stdout)
    assert case["findings"] == [] and not case["patch"]
    [tried] = [t for t in case["trials"] if t["remedies"] == ["leave_out"]]
    assert tried["verdict"] == "failed" and "does not change the training data" in tried["reason"], tried


@pytest.mark.slow
def test_an_easier_test_set_is_no_better_training(descend_here, tmp_path):
    (tmp_path / "train.py").write_text(DRAWN)
    done = descend_here("doctor", "--format", "json", "--seeds", "2", "train.py", cwd=tmp_path)
    case = json.loads(done.stdout)
    assert case["findings"] == [] and not case["patch"], case["findings"]
    [tried] = [t for t in case["trials"] if t["remedies"] == ["leave_out"]]
    assert tried["verdict"] == "failed" and "changes the data of the logged metric" in tried["reason"], tried
