"""The lecture's losses are convex in the outputs, linear models are convex, networks with hidden units are not."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from descend.landscape import Loss, loss_of, trained
from descend.landscape.bad_minimum import bad_minimum
from descend.landscape.convexity import convexity, height_above_chord, points_about, restricted
from descend.landscape.fitting import fitted, minimised
from descend.landscape.hidden import Axis, Hidden
from descend.landscape.plateau import unmoved
from descend.landscape.random_units import random_units

GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(40, 3, generator=GENERATOR, dtype=torch.float64)
Y = (X[:, :1] * X[:, 1:2]).sign()
LABELS = torch.arange(40) % 4
Z = torch.randn(40, 4, generator=GENERATOR, dtype=torch.float64)
BITS = (torch.arange(160) % 2).double().view(40, 4)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(
    ("cost", "convex"),
    [
        (lambda z: F.mse_loss(z, BITS.to(z)), True),
        (lambda z: F.cross_entropy(z, LABELS), True),
        (lambda z: F.binary_cross_entropy_with_logits(z, BITS.to(z)), True),
        (lambda z: F.l1_loss(z, BITS.to(z)), True),
        (lambda z: F.multi_margin_loss(z, LABELS), True),
        (lambda z: F.mse_loss(z.sigmoid(), BITS.to(z)), False),
        (lambda z: F.mse_loss(z.softmax(1), BITS.to(z)), False),
        (lambda z: -z.softmax(1)[torch.arange(40), LABELS].mean(), False),
        (lambda z: (1 - (z - BITS.to(z)).square()).clamp_min(0).mean().neg(), False),
    ],
)
def test_convexity_of_losses_as_functions_of_the_outputs(
    cost: Callable[[Tensor], Tensor], convex: bool, dtype: torch.dtype
) -> None:
    found = convexity(Loss((lambda theta: cost(theta[0]),)), points_about([Z.to(dtype)]))
    assert found.is_refuted is not convex
    assert ("no evidence against" in found.verdict) is convex


@pytest.mark.parametrize(("cost", "targets"), [(F.mse_loss, BITS), (F.cross_entropy, LABELS)])
def test_linear_models_are_convex_and_networks_with_hidden_units_are_not(cost: Callable, targets: Tensor) -> None:
    torch.manual_seed(0)
    linear, deep = nn.Linear(3, 4).double(), nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 4)).double()
    for net, is_refuted in ((linear, False), (deep, True)):
        found = convexity(loss_of(net, cost, [(X, targets)]), points_about(trained(net)))
        assert found.is_refuted is is_refuted


def test_the_height_above_a_chord() -> None:
    assert height_above_chord([0, 1, 4, 9]) < 0
    assert height_above_chord([0, 1, 1.5, 1.6]) == pytest.approx((1 - 1.6 / 3) / 1.6)
    assert height_above_chord([1, 2]) == 0
    with pytest.raises(ValueError, match="at least one point"):
        convexity(Loss((lambda theta: theta[0].sum(),)), [])


def network(units: int = 8) -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(3, units), nn.ReLU(), nn.Linear(units, 1)).double()


def test_a_restricted_loss_is_the_loss() -> None:
    net = network()
    loss, at = loss_of(net, F.mse_loss, [(X, Y)]), trained(net)
    layer = restricted(loss, at, [2, 3])
    assert layer.value(at[2:]) == loss.value(at)
    for ours, theirs in zip(layer.gradient(at[2:]), loss.gradient(at)[2:], strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.slow
def test_the_output_layer_on_random_units_is_least_squares() -> None:
    net = network()
    loss, at = loss_of(net, F.mse_loss, [(X, Y)]), trained(net)
    found = random_units(loss, at, [2, 3], redraw=None)
    features = torch.cat([F.relu(F.linear(X, *at[:2])), torch.ones(40, 1, dtype=torch.float64)], 1)
    best = features @ torch.linalg.lstsq(features, Y).solution
    assert found.fit.final == pytest.approx(float(F.mse_loss(best, Y)), rel=1e-6)
    assert not found.convexity.is_refuted
    assert minimised(loss, at).final < 0.5 * found.fit.final  # all layers trained
    again = random_units(loss, at, [2, 3], redraw=5)
    assert again.fit.final != found.fit.final and not again.convexity.is_refuted


@pytest.mark.slow
def test_a_bad_local_minimum_is_the_best_constant() -> None:
    net = network()
    hidden = Hidden(8, (Axis(0, 0), Axis(1, 0), Axis(2, 1)), (Axis(0, 0), Axis(1, 0)), (Axis(2, 1),))
    loss = loss_of(net, F.mse_loss, [(X, Y)])
    good = fitted(loss, trained(net), lambda theta: torch.optim.Adam(theta, 0.02), 300)
    found = bad_minimum(loss, good.theta, hidden)
    assert found.cost == pytest.approx(float(Y.var(correction=0))) and found.good == good.final
    assert found.gradient_norm < 1e-6 and found.is_minimum and found.is_bad
    assert fitted(loss, found.theta, lambda theta: torch.optim.SGD(theta, 0.05), 50).final == pytest.approx(found.cost)


def test_a_point_that_small_steps_improve_is_not_a_minimum() -> None:
    net = network()
    leaky = Loss((lambda at: F.mse_loss(F.leaky_relu(F.linear(X, *at[:2])) @ at[2].T + at[3], Y + X[:, :1]),))
    hidden = Hidden(8, (Axis(0, 0), Axis(1, 0), Axis(2, 1)), (Axis(0, 0), Axis(1, 0)), (Axis(2, 1),))
    assert not bad_minimum(leaky, trained(net), hidden).is_minimum


def test_hard_thresholds_and_the_error_rate_have_plateaus() -> None:
    net = network()
    at = trained(net)
    loss = loss_of(net, F.mse_loss, [(X, Y)])

    def wrong(theta: list[Tensor]) -> float:
        return float(((F.relu(F.linear(X, *theta[:2])) @ theta[2].T + theta[3]).sign() != Y).double().mean())

    assert unmoved(wrong, at) == 1.0 and unmoved(loss.value, at) == 0.0
    assert unmoved(wrong, at, radius=1.0) < 1.0
    with pytest.raises(ValueError, match="at least 1 random step is needed, not 0"):
        unmoved(wrong, at, tried=0)
