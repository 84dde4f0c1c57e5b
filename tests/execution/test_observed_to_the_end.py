"""A short script is observed to its end if it logs its metric there."""

from dataclasses import replace

import pytest

from descend.doctor.execution.launch import new_record, run
from descend.doctor.execution.outlook import count_steps_to_evaluation
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
        (100, "test accuracy", "test accuracy", 0),  # already known
        pytest.param(100, "loss", "train loss", 0, marks=pytest.mark.thorough),  # the training loss adds nothing
        pytest.param(100, "loss", "elapsed", 0, marks=pytest.mark.thorough),
        (300, "loss", "test accuracy", 0),  # more than four times as long as the window
        (30, "loss", "test accuracy", 0),  # shorter than the window
    ],
)
def test_a_script_that_logs_its_metric_at_the_end_is_observed_whole(
    shared_fork_server, tmp_path, steps, early, late, whole
):
    path = tmp_path / "train.py"
    path.write_text(TEXT.format(steps=steps, early=early, late=late))
    script, plan = Script(path, tmp_path), Plan(steps=40, least_steps=20)
    server = shared_fork_server.get()
    record = run(script, plan, new_record(script, plan), server=server)
    assert count_steps_to_evaluation(script, plan, record, server) == whole
    assert count_steps_to_evaluation(script, plan.with_fixed_steps(40), record, server) == 0


@pytest.mark.slow
@pytest.mark.parametrize(("seconds", "whole"), [(60.0, 100), (1e-9, 0)])
def test_a_slow_script_is_observed_whole_if_its_end_is_near(shared_fork_server, tmp_path, seconds, whole):
    path = tmp_path / "train.py"
    path.write_text(TEXT.format(steps=100, early="loss", late="test accuracy"))
    script, plan = Script(path, tmp_path), Plan(steps=1000, least_steps=40, quick_s=1e-6, timed=True)
    server = shared_fork_server.get()
    record = run(script, plan, new_record(script, plan), server=server)
    assert record.steps == 40
    assert count_steps_to_evaluation(script, replace(plan, seconds=seconds), record, server) == whole
