"""Scripts that train again after the observation window."""

import json

import pytest

from descend.doctor.codemod.later_training import trains_again_after

FIRST = """import torch
from torch import nn, optim
from torch.optim import SGD as Descent

net = nn.Linear(2, 1)
opt = torch.optim.Adam(net.parameters())
for x in range(3):
    net(torch.ones(2)).backward()
    opt.step()
"""
BACKWARD = 8
ONE_RUN = 2  # lines of the list of runs: its heading and one run


@pytest.mark.parametrize(
    "behind",
    [
        "opt = torch.optim.SGD(net.parameters(), lr=0.1)",
        "opt = optim.SGD(net.parameters(), lr=0.1)",
        "opt = Descent(net.parameters(), lr=0.1)",
        "for rate in (1, 2):\n    opt = optim.SGD(net.parameters(), lr=rate)",
    ],
)
def test_a_later_optimizer_is_found(behind):
    assert trains_again_after(FIRST + behind, BACKWARD)


@pytest.mark.parametrize(
    "behind",
    [
        "",
        "torch.save(net.state_dict(), 'net.pt')",
        "schedule = optim.lr_scheduler.StepLR(opt, 3)",
        "def again():\n    return optim.SGD(net.parameters(), lr=0.1)",
        "x = (",
    ],
)
def test_no_later_optimizer_is_found(behind):
    assert not trains_again_after(FIRST + behind, BACKWARD)


def test_a_choice_between_optimizers_is_one_training():
    chosen = "if big:\n    opt = optim.SGD(p, 1)\nelse:\n    opt = optim.Adam(p)\n"
    assert not trains_again_after(chosen + "loss.backward()\n", 5)
    assert not trains_again_after("def main():\n    loss.backward()\n\nopt = optim.Adam(p)\n", 2)
    assert trains_again_after("def main():\n    loss.backward()\n    opt = optim.Adam(p)\n", 2)


SCRIPT = """
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(256, 6)
y = (x[:, 0] * x[:, 1] > 0).long()
teacher, pupil = (nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 2)) for _ in range(2))
optimizer = torch.optim.Adam(teacher.parameters(), lr=3e-3)
for epoch in range(400):
    for rows in torch.randperm(256).split(64):
        optimizer.zero_grad()
        F.cross_entropy(teacher(x[rows]), y[rows]).backward()
        optimizer.step()

optimizer = torch.optim.Adam(pupil.parameters(), lr=3e-3)
for epoch in range(60):
    for rows in torch.randperm(256).split(64):
        optimizer.zero_grad()
        with torch.no_grad():
            wanted = teacher(x[rows]).softmax(1)
        F.kl_div(pupil(x[rows]).softmax(1), wanted, reduction="batchmean").backward()
        optimizer.step()
"""


@pytest.mark.slow
def test_the_second_training_is_observed(descend_here, tmp_path):
    (tmp_path / "train.py").write_text(SCRIPT)
    done = descend_here("doctor", "--format", "json", "--seeds", "2", "train.py", cwd=tmp_path)
    case = json.loads(done.stdout)
    assert case["stage"] == {"number": 2, "of": 2}
    assert [finding["symptom"] for finding in case["findings"]] == ["output_loss_mismatch"]
    assert "kl_div" in case["findings"][0]["sentence"]
    # The script was observed several times, and the other commands show the diagnosis.
    shown = json.loads(descend_here("diagnose", "--format", "json", cwd=tmp_path).stdout)
    assert (shown["run"], shown["stage"], shown["findings"]) == (case["run"], case["stage"], case["findings"])
    [_, listed] = descend_here("runs", cwd=tmp_path).stdout.strip().splitlines()
    assert listed.split()[0] == str(case["run"])
