"""The first run of `descend prove` and `descend compare`."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from descend.core.deadline import Deadline
from descend.doctor.measured_stage import observe_measured_stage
from descend.doctor.record import Ending, Record
from descend.doctor.script.plan import Plan

MISSING = "ValueError: Error initializing torch.distributed using env:// rendezvous: RANK expected, but not set"


@pytest.mark.parametrize(
    ("error", "processes", "runs"), [(MISSING, 0, [0, 1]), (MISSING, 2, [2]), ("KeyError", 0, [0])]
)
def test_a_script_for_torchrun_is_observed_again_as_a_group_of_one_process(error, processes, runs):
    made = []

    def observe(script, plan):
        made.append(plan.processes)
        return Record(ending=Ending("failed", 1, 0, error=error) if len(made) == 1 else Ending("finished", 0, 100))

    context = SimpleNamespace(observe=observe, deadline=Deadline())
    record, plan = observe_measured_stage(None, replace(Plan(), processes=processes), context, None)
    assert made == runs and plan.processes == runs[-1] and record.ending.has_failed == (len(runs) == 1)
