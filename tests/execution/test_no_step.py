"""Scripts without calls of optimizer.step() are measured all the same."""

from pathlib import Path

import pytest

from descend.doctor.catalog.diagnosis import diagnose
from descend.doctor.record import facts
from descend.doctor.script.script import Script

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.mark.slow
def test_a_script_that_never_steps_is_measured(observe) -> None:
    record = observe(Script(SCRIPTS / "never_steps.py", SCRIPTS), steps=40, seconds=100)
    assert (record.ending.reason, record.ending.steps) == ("window", 0)
    assert record.fact(facts.BackwardPasses) == facts.BackwardPasses(40)
    assert record.fact(facts.Monitor).examples == 256
    assert record.fact(facts.LossInput).function == "cross_entropy"
    assert len(record.series("monitored_loss")) and record.fact(facts.Optimizer, "0").rule == "SGD"
    assert not record.history(facts.Wiring, "0")  # There is one fact for each step.


REHEARSED = """\
import torch
from torch import nn

net, x = nn.Linear(10, 1), torch.randn(256, 10)
for rows in x.split(64):  # the importance of each weight, before the training
    net(rows).square().mean().backward()
net.zero_grad()
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for rows in [*x.split(32)] * 3:
    loss = (net(rows) - rows[:, :1]).square().mean()
    loss.backward()
    optimizer.step()
"""


@pytest.mark.slow
def test_results_of_a_rehearsal_are_replaced_by_those_of_the_steps(observe, tmp_path) -> None:
    path = tmp_path / "train.py"
    path.write_text(REHEARSED)
    record = observe(Script(path, tmp_path), steps=20, seconds=100)
    wired = [wiring.fact for wiring in record.history(facts.Wiring, "0")]
    assert wired and not any(wiring.gradients_cleared for wiring in wired[1:])
    assert record.site("backward").line == 11


CUT = """\
import torch
from torch import nn

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for step in range(20):
    x = torch.randn(32, 6)
    hard = (net(x) > 0).float()
    hard.requires_grad_(True)
    loss = (hard - (x.sum(1, keepdim=True) > 0).float()).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


@pytest.mark.slow
def test_a_leaf_made_from_data_is_not_a_parameter(observe, tmp_path) -> None:
    path = tmp_path / "train.py"
    path.write_text(CUT)
    record = observe(Script(path, tmp_path), steps=20, seconds=100)
    assert not record.history(facts.NoTrainedParameters, "0") and not record.places("duplicate_share")
    assert [symptom.id for symptom in diagnose(record) if symptom.certain] == ["frozen_or_detached"]
