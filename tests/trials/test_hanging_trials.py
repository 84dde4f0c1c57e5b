"""An edit may cause an infinite loop before the training begins."""

import time

import pytest

from descend.doctor.record import Record
from descend.doctor.record.store import open_store
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.doctor.trials import study
from descend.doctor.trials.external_files import ExternalFiles
from descend.doctor.trials.run_context import RunContext
from descend.doctor.trials.study import Job, Study

ENDLESS = """import torch

net = torch.nn.Linear(2, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
while True:
    net(torch.ones(4, 2))
"""


@pytest.mark.slow
def test_a_trial_run_that_takes_no_step_is_stopped(tmp_path, monkeypatch):
    path = tmp_path / "train.py"
    path.write_text(ENDLESS)
    monkeypatch.setattr(study, "LONGEST_S", 2.0)
    script = Script(path, tmp_path)
    with open_store(tmp_path / "store") as kept:
        context = RunContext(kept, lambda record, messages: None, ExternalFiles())
        plan = Plan(jobs=1, timed=True)
        began = time.monotonic()
        [record] = Study(script, Record(), plan, context).run([Job(script, 0, 10)])
    assert record.steps == 0 and record.ending.reason == "window"
    assert time.monotonic() - began < Plan.patience / 4  # The patience applies to the observed run only.
