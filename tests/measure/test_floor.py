"""The minimum of a function, and whether it is bounded below."""

import pytest
import torch

from descend.doctor.measure.floors.floor import minimise


@pytest.mark.parametrize("factor", [1.0, 1e10])
def test_a_downward_parabola_is_unbounded_from_any_start(factor):
    assert not minimise(lambda values: -factor * values[0].square().sum(), [torch.tensor([3.0])]).is_bounded


@pytest.mark.parametrize("factor", [1.0, 1e10])
def test_a_parabola_has_a_minimum(factor):
    assert minimise(lambda values: factor * values[0].square().sum(), [torch.tensor([3.0])]).is_bounded
