"""More passes for a run that stopped too early: it gets a usual length, if that takes only seconds."""

import pytest

from descend.doctor.assess.symptom import Symptom
from descend.doctor.record import Cost, Ending, Record
from descend.doctor.remedy_arguments.training_loop import more_passes

SYMPTOM = Symptom(False, "", "", 0.0, 0.0, "", id="stopped_too_early", kind="dynamics")


@pytest.mark.parametrize(
    ("steps", "loop_s", "times"),
    [(1000, 1.0, 4), (101, 1.0, 4), (100, 1.0, 10), (20, 0.1, 50), (4, 0.1, 100), (4, 0.04, 200), (4, 60.0, 4)],
)
def test_a_run_of_few_steps_gets_the_usual_length(steps, loop_s, times):
    record = Record(ending=Ending("finished", 0, steps, loop_s=loop_s + 5.0))
    record.add(Cost("curvature", 5.0, 1))  # the time spent on measurements does not count
    assert more_passes(record, SYMPTOM)["times"] == times
