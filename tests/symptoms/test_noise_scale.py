"""The gradient noise scale of a run does not depend on when it was measured."""

import pytest
from records import STEPS, forget, healthy

from descend.doctor.assess.batches import noise_scale
from descend.doctor.record import Record


def probed(steps: list[int], values: list[float]) -> Record:
    record = healthy()
    record.readings["gradient_noise_scale", "0"] = (list(steps), list(values))
    return record


def test_each_measurement_counts_for_the_steps_until_the_next_one():
    steps = [1, 2, 3, 5, 7, 10, 14, 19, 30, 60, 100]
    values = [3.0, 4.0, 3.0, 5.0, 6.0, 6.0, 7.0, 7.0, 40.0, 90.0, 150.0]
    assert noise_scale(probed(steps, values)) == 150.0
    # The result does not depend on measurements that the time budget skipped at first.
    assert noise_scale(probed(steps[7:], values[7:])) == 150.0


@pytest.mark.parametrize("values, expected", [([5.0], 5.0), ([5.0, float("nan")], 5.0), ([float("nan")], None)])
def test_a_single_measurement_counts_for_the_whole_run(values, expected):
    assert noise_scale(probed(list(range(len(values))), values)) == expected


def test_the_noise_scale_of_evenly_spaced_measurements_is_their_median():
    assert noise_scale(probed([0, STEPS // 3, 2 * STEPS // 3], [1.0, 9.0, 3.0])) == 3.0
    record = healthy()
    forget(record, "gradient_noise_scale")
    assert noise_scale(record) is None
