"""A short script is observed to its end where it says there how good its network is."""

from dataclasses import replace

import pytest

from descend.doctor.run.launch import new_record, run
from descend.doctor.run.outlook import whole_length
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script

TEXT = """
import torch
net = torch.nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
x = torch.randn(50, 3)
for step in range({steps}):
    loss = (net(x) - x.sum(1, keepdim=True)).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step == 10:
        print("{early}", 0.5)
print("{late}", 0.25)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("steps", "early", "late", "whole"),
    [
        (100, "loss", "test accuracy", 100),
        pytest.param(100, "loss", "held-out loss", 100, marks=pytest.mark.thorough),
        (100, "test accuracy", "test accuracy", 0),  # it is known already
        pytest.param(100, "loss", "train loss", 0, marks=pytest.mark.thorough),  # what is minimised says nothing new
        pytest.param(100, "loss", "elapsed", 0, marks=pytest.mark.thorough),
        (300, "loss", "test accuracy", 0),  # more than four times as long
        (30, "loss", "test accuracy", 0),  # over within the window
    ],
)
def test_a_script_that_is_cut_off_from_what_it_says_at_its_end(tmp_path, steps, early, late, whole):
    path = tmp_path / "train.py"
    path.write_text(TEXT.format(steps=steps, early=early, late=late))
    script, plan = Script(path, tmp_path), Plan(steps=40, least_steps=20)
    record = run(script, plan, new_record(script, plan))
    assert whole_length(script, plan, record, None) == whole
    assert whole_length(script, plan.fixed_at(40), record, None) == 0


@pytest.mark.slow
@pytest.mark.parametrize(("seconds", "whole"), [(60.0, 100), (1e-9, 0)])
def test_a_slow_one_too_where_its_end_is_not_far(tmp_path, seconds, whole):
    path = tmp_path / "train.py"
    path.write_text(TEXT.format(steps=100, early="loss", late="test accuracy"))
    script, plan = Script(path, tmp_path), Plan(steps=1000, least_steps=40, quick_s=1e-6, timed=True)
    record = run(script, plan, new_record(script, plan))
    assert record.steps == 40 and whole_length(script, replace(plan, seconds=seconds), record, None) == whole
