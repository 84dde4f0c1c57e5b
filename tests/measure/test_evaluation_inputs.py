"""How far the inputs of an evaluation are from those of the training, for a known distance."""

import pytest
import torch

from descend.doctor.measure.evaluation_inputs import distance

torch.manual_seed(0)
Z = torch.randn(4000, 3, dtype=torch.float64)
Z = (Z - Z.mean(0)) / Z.std(0, correction=0)


@pytest.mark.parametrize(
    ("factor", "shift", "expected"),
    [(1, 0, 0.0), (1, 5, 5.0), (4, 0, 3.0), (0.25, 0, 3.0), (2, 1, 2**0.5), (0.5, -1, 5**0.5)],
)
def test_mean_and_spread_apart_in_units_of_the_smaller_spread(factor, shift, expected):
    assert distance(factor * Z + shift, Z) == pytest.approx(expected, abs=1e-9)
    assert distance(Z, factor * Z + shift) == pytest.approx(expected, abs=1e-9)


def test_the_distance_is_the_median_over_the_features():
    assert distance(Z * torch.tensor([1.0, 3.0, 100.0]), Z) == pytest.approx(2.0)


def test_features_constant_in_both_samples_are_left_out():
    assert distance(Z * 0, Z * 0) == 0.0
    assert 1e5 < distance(Z * 0, Z) < 1e7
    assert distance(torch.cat([Z, Z * 0], 1), torch.cat([Z + 1, Z * 0], 1)) == pytest.approx(1.0)
