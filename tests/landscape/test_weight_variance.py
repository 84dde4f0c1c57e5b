"""The variance of the weights caused by noise, compared with closed forms of constant and quadratic losses."""

import pytest
import torch
from torch import Tensor

from descend.landscape import Loss
from descend.landscape.stationary_variance import stationary_variance
from descend.landscape.weight_variance import weight_variance


def costs(slopes: Tensor, curvature: float = 0.0) -> Loss:
    """Return a loss whose parts have the gradients `slopes` plus a common curvature times the weights."""

    def part(slope: Tensor):
        return lambda theta: (theta[0] * slope).sum() + curvature / 2 * theta[0].square().sum()

    return Loss(tuple(map(part, slopes)))


def test_with_constant_gradients_the_variance_is_proportional_to_the_learning_rate() -> None:
    slopes = torch.randn(32, 10, generator=torch.Generator().manual_seed(0))
    found = weight_variance(costs(slopes), [torch.zeros(10)], [0.4, 0.2, 0.1, 0.05], 0.8, repeats=40)
    spread = float(slopes.var(0, correction=0).sum())
    assert found.predicted == pytest.approx([rate * 0.8 * spread for rate in found.rates], rel=1e-5)
    for variance, predicted in zip(found.variances, found.predicted):
        low, high = variance.interval(0.999)
        assert low <= predicted <= high
    low, high = found.exponent().interval(0.999)
    assert low <= 1 <= high and high - low < 0.6


@pytest.mark.slow
def test_the_intervals_of_the_exponent_cover_it() -> None:
    covered = 0
    for seed in range(200):
        slopes = torch.randn(32, 10, generator=torch.Generator().manual_seed(seed))
        found = weight_variance(costs(slopes), [torch.zeros(10)], [0.4, 0.2, 0.1], 0.8, repeats=8, seed=seed)
        low, high = found.exponent().interval()
        covered += low <= 1 <= high
    assert covered >= 180


def test_curvature_pulls_the_runs_together() -> None:
    """With curvature λ, the variance after T steps is η²·σ²·(1 − a²ᵀ) / (1 − a²), where a = 1 − ηλ."""
    slopes = torch.randn(64, 20, generator=torch.Generator().manual_seed(0))
    found = weight_variance(costs(slopes, 2.0), [torch.zeros(20)], [0.25], 1.0, repeats=60)
    spread, a = float(slopes.var(0, correction=0).sum()), 1 - 0.25 * 2.0
    low, high = found.variances[0].interval(0.999)
    assert low <= 0.25**2 * spread * (1 - a**8) / (1 - a**2) <= high < found.predicted[0]


def test_learning_rates_that_take_no_step_or_diverge_are_refused() -> None:
    loss, theta = costs(torch.randn(8, 3), 1.0), [torch.zeros(3)]
    with pytest.raises(ValueError, match="at most `time`, which is 1, not 2"):
        weight_variance(loss, theta, [0.5, 2.0], 1.0)
    with pytest.raises(ValueError, match="at least 3 runs, not 2"):
        weight_variance(loss, theta, [0.5], 1.0, repeats=2)
    steep = costs(torch.randn(8, 3), 1e3)
    with pytest.raises(ValueError, match="the learning rate 1 diverges"):
        weight_variance(steep, theta, [1.0], 50.0, repeats=3)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_around_a_minimum_the_variance_is_that_of_an_autoregression(momentum: float) -> None:
    noise = torch.randn(500, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 2.0, 3.0])
    found = stationary_variance([4.0, 1.0, 0.5], noise, [0.2, 0.1, 0.05], momentum=momentum)
    spread = noise.double().var(0, correction=0).tolist()
    for k, rate in enumerate(found.rates):
        known = sum(
            rate * s * (1 + momentum) / (v * (1 - momentum) * (2 * (1 + momentum) - rate * v))
            for s, v in zip(spread, (4.0, 1.0, 0.5))
        )
        assert found.predicted[k] == pytest.approx(known)
        # 400 chains have a standard error of 7 % in each direction.
        assert found.measured[k] == pytest.approx(known, rel=0.25)
        assert found.averaged[k] == pytest.approx(found.averaged_predicted[k], rel=0.25)
    assert found.predicted[0] > 1.9 * found.predicted[1] > 3.6 * found.predicted[2]  # proportional to the learning rate


def test_the_variance_of_averaged_independent_weights() -> None:
    """At η·λ = 1, successive weights are independent, so an average of n weights has 1/n of the variance."""
    found = stationary_variance([2.0], torch.randn(100, 1), [0.5], window=16)
    assert found.averaged_predicted[0] == pytest.approx(found.predicted[0] / 16)


def test_divergent_slow_and_unbounded_simulations_are_refused() -> None:
    noise = torch.randn(20, 1)
    with pytest.raises(ValueError, match=r"less than 2·\(1 \+ β\) = 2$"):
        stationary_variance([4.0], noise, [0.5])
    stationary_variance([4.0], noise, [0.5], momentum=0.5)
    with pytest.raises(ValueError, match="more than 20000"):
        stationary_variance([1e-6], noise, [0.5])
    with pytest.raises(ValueError, match="positive"):
        stationary_variance([-1.0], noise, [0.5])
