"""How much longer a run that stopped too early is to be: as long as a usual one, where that takes seconds."""

import pytest

from descend.doctor.doses import longer
from descend.doctor.record import Cost, Ending, Record
from descend.doctor.symptoms import Symptom

SYMPTOM = Symptom(False, "", "", 0.0, 0.0, "", id="stopped_too_early", kind="dynamics")


@pytest.mark.parametrize(
    ("steps", "loop_s", "times"),
    [(1000, 1.0, 4), (101, 1.0, 4), (100, 1.0, 10), (20, 0.1, 50), (4, 0.1, 100), (4, 0.04, 200), (4, 60.0, 4)],
)
def test_a_run_of_a_few_steps_is_made_one_of_the_usual_length(steps, loop_s, times):
    record = Record(ending=Ending("finished", 0, steps, loop_s=loop_s + 5.0))
    record.add(Cost("curvature", 5.0, 1))  # what measuring took is not the script's
    assert longer(record, SYMPTOM)["times"] == times
