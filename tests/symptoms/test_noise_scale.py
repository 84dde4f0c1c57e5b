"""The gradient noise scale of a run is that of its steps, however they were probed."""

import pytest
from records import STEPS, forget, healthy

from descend.doctor.record import Record
from descend.doctor.symptoms.batch_size import noise_scale


def probed(steps: list[int], values: list[float]) -> Record:
    record = healthy()
    record.readings["gradient_noise_scale", "0"] = (list(steps), list(values))
    return record


def test_readings_that_lie_close_together_count_for_the_few_steps_they_stand_for():
    steps = [1, 2, 3, 5, 7, 10, 14, 19, 30, 60, 100]
    values = [3.0, 4.0, 3.0, 5.0, 6.0, 6.0, 7.0, 7.0, 40.0, 90.0, 150.0]
    assert noise_scale(probed(steps, values)) == 150.0
    assert noise_scale(probed(steps[7:], values[7:])) == 150.0  # whatever the budget has left out at first


@pytest.mark.parametrize("values, expected", [([5.0], 5.0), ([5.0, float("nan")], 5.0), ([float("nan")], None)])
def test_a_single_reading_stands_for_all(values, expected):
    assert noise_scale(probed(list(range(len(values))), values)) == expected


def test_evenly_probed_it_is_the_median():
    assert noise_scale(probed([0, STEPS // 3, 2 * STEPS // 3], [1.0, 9.0, 3.0])) == 3.0
    record = healthy()
    forget(record, "gradient_noise_scale")
    assert noise_scale(record) is None
