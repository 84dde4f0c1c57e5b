"""The curves of runs that are compared: the metric, or else the training loss in blocks."""

from descend.doctor.record import Series
from descend.doctor.report.run_curves import block_means


def test_a_block_is_the_mean_of_its_values_at_its_last_step():
    assert block_means(Series((0, 1, 2, 3), (4.0, 2.0, 1.0, 3.0)), 2) == Series((1, 3), (3.0, 2.0))


def test_a_run_without_losses_has_no_blocks():
    assert block_means(Series(), 0) == Series()
