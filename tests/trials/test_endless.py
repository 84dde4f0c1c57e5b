"""A change may make a loop that never ends, before the training has begun."""

import time

import pytest

from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.doctor.trials.trial_runs import Bench, Job

ENDLESS = """import torch

net = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
while True:
    net(torch.ones(4, 2))
"""


@pytest.mark.slow
def test_an_arm_that_takes_no_step_is_ended_as_one_that_takes_too_long(tmp_path):
    path = tmp_path / "train.py"
    path.write_text(ENDLESS)
    bench = Bench(Plan(jobs=1, timed=True), 1, lambda record: None, longest_s=2.0)
    began = time.monotonic()
    [record] = bench.run([Job(Script(path, tmp_path), 0, 10)])
    assert record.steps == 0 and record.ending.reason == "window"
    assert time.monotonic() - began < Plan.patience / 4  # what a script is given that is examined
