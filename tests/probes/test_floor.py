"""The least value of a function, and whether it has one."""

import pytest
import torch

from descend.doctor.probes.floors.floor import floor


@pytest.mark.parametrize("factor", [1.0, 1e10])
def test_a_parabola_that_opens_downwards_has_no_least_value_however_low_it_starts(factor):
    assert not floor(lambda values: -factor * values[0].square().sum(), [torch.tensor([3.0])]).is_bounded


@pytest.mark.parametrize("factor", [1.0, 1e10])
def test_a_parabola_has_a_least_value(factor):
    assert floor(lambda values: factor * values[0].square().sum(), [torch.tensor([3.0])]).is_bounded
