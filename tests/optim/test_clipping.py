"""Gradient clipping per unit, and at a quantile of earlier norms."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from descend.optim import QuantileClip, clip_unit_norm_


def with_gradient(gradient):
    parameter = nn.Parameter(torch.zeros_like(gradient))
    parameter.grad = gradient.clone()
    return parameter


def test_only_units_above_the_maximum_norm_are_clipped():
    matrix = torch.tensor([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]])
    filters = torch.ones(2, 1, 2, 2) * torch.tensor([2.0, 0.25]).view(2, 1, 1, 1)
    bias = torch.tensor([-5.0, 0.5, 0.0])
    parameters = [with_gradient(g) for g in (matrix, filters, bias)]
    assert clip_unit_norm_(parameters, 1.0) == 5.0
    torch.testing.assert_close(parameters[0].grad, torch.tensor([[0.6, 0.8], [0.3, 0.4], [0.0, 0.0]]))
    torch.testing.assert_close(parameters[1].grad.flatten(1).norm(dim=1), torch.tensor([1.0, 0.5]))
    torch.testing.assert_close(parameters[2].grad, torch.tensor([-1.0, 0.5, 0.0]))


@pytest.mark.slow
@given(st.integers(0, 2**31), st.floats(0.01, 10))
def test_after_clipping_no_unit_is_above_the_norm_and_directions_are_unchanged(seed, max_norm):
    gradient = torch.randn(6, 5, generator=torch.Generator().manual_seed(seed)) * 3
    parameter = with_gradient(gradient)
    clip_unit_norm_([parameter], max_norm)
    norms = parameter.grad.norm(dim=1)
    assert (norms <= max_norm * 1.0001).all()
    cosine = nn.functional.cosine_similarity(gradient, parameter.grad, dim=1)
    torch.testing.assert_close(cosine, torch.ones(6))


def test_parameters_without_a_gradient_are_ignored():
    assert clip_unit_norm_([nn.Parameter(torch.ones(2))], 1.0) == 0.0
    with pytest.raises(ValueError, match="max_norm must be above 0, not 0"):
        clip_unit_norm_([], 0)


def norms_through(clip, parameters, norms):
    after = []
    for norm in norms:
        for p in parameters:
            p.grad = torch.full_like(p, norm / math.sqrt(sum(q.numel() for q in parameters)))
        clip()
        after.append(math.sqrt(sum(float((p.grad**2).sum()) for p in parameters)))
    return after


def test_gradients_are_clipped_at_the_quantile_of_earlier_norms():
    parameters = [nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(2, 2))]
    clip = QuantileClip(parameters, quantile=0.5, least=4)
    assert norms_through(clip, parameters, [1.0, 2.0, 3.0]) == pytest.approx([1, 2, 3])
    assert clip.threshold == math.inf
    assert norms_through(clip, parameters, [100.0, 0.5]) == pytest.approx([2.0, 0.5], rel=1e-4)
    assert clip.threshold == pytest.approx(2.0)


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=60), st.sampled_from([0.1, 0.5, 0.9, 1.0]))
def test_the_threshold_depends_only_on_the_last_norms(norms, quantile):
    parameters = [nn.Parameter(torch.zeros(1, dtype=torch.float64))]
    clip = QuantileClip(parameters, quantile, window=20, least=1)
    norms_through(clip, parameters, norms)
    last = sorted(norms[-20:])
    assert clip.threshold == pytest.approx(last[math.ceil(quantile * len(last)) - 1])
    again = QuantileClip(parameters, quantile, window=20, least=1)
    again.load_state_dict(clip.state_dict())
    assert again.threshold == clip.threshold


def test_a_norm_that_is_not_finite_is_not_recorded():
    parameters = [nn.Parameter(torch.zeros(1))]
    clip = QuantileClip(parameters, 1.0, least=1)
    norms_through(clip, parameters, [1.0])
    parameters[0].grad = torch.tensor([math.nan])
    assert math.isnan(clip()) and clip.threshold == 1.0


def test_a_norm_of_0_is_not_recorded():
    parameters = [nn.Parameter(torch.zeros(3))]
    clip = QuantileClip(parameters)
    norms_through(clip, parameters, [0.0, 1.0, 1.0, 1.0] * 10)
    assert clip.threshold == pytest.approx(1.0)


def test_a_single_tensor_is_one_parameter():
    parameter = with_gradient(torch.full((2, 2), 10.0))
    assert clip_unit_norm_(parameter, 1.0) > 14 and parameter.grad.norm(dim=1).max() < 1.001
    assert QuantileClip(parameter, 1.0, least=1)() > 1


def test_options_out_of_range_are_rejected():
    with pytest.raises(ValueError, match="quantile must be in .*, not 0"):
        QuantileClip([], 0)
    with pytest.raises(ValueError, match="1 <= least <= window, not 5 and 2"):
        QuantileClip([], window=2, least=5)
