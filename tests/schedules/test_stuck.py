"""Reducing the learning rate on a plateau, learning rates for other batch sizes, and the range test."""

import math

import pytest
import torch
from torch import nn
from torch.optim import SGD, Adam
from torch.optim.lr_scheduler import ReduceLROnPlateau

from descend.landscape import derivatives, top_eigenpair
from descend.schedules import ReduceLROnSmoothedPlateau, lr_grid, range_test, scale_lr


def optimizer(lr=1.0):
    return SGD([torch.zeros(1, requires_grad=True)], lr=lr)


def test_without_averaging_it_equals_the_scheduler_of_torch():
    ours, torchs = optimizer(), optimizer()
    mine = ReduceLROnSmoothedPlateau(ours, beta=0.0, patience=3, cooldown=4)
    theirs = ReduceLROnPlateau(torchs, patience=3, cooldown=4)
    for loss in [5, 4, 3, 3, 3, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]:
        mine.step(loss), theirs.step(loss)
        assert ours.param_groups[0]["lr"] == torchs.param_groups[0]["lr"]
    assert ours.param_groups[0]["lr"] < 1


def noisy(steps, seed, level=lambda t: 1.0):
    generator = torch.Generator().manual_seed(seed)
    return [level(t) + 0.5 * torch.randn((), generator=generator).item() for t in range(steps)]


@pytest.mark.parametrize("seed", range(5))
def test_noise_on_a_falling_loss_does_not_reduce_the_learning_rate(seed):
    smoothed, raw = optimizer(), optimizer()
    mine = ReduceLROnSmoothedPlateau(smoothed, beta=0.98, patience=60)
    theirs = ReduceLROnPlateau(raw, patience=60)
    for loss in noisy(900, seed, lambda t: 6 - t / 250):
        mine.step(loss), theirs.step(loss)
    assert smoothed.param_groups[0]["lr"] == 1.0 > raw.param_groups[0]["lr"]


@pytest.mark.parametrize("seed", range(5))
def test_a_loss_that_has_plateaued_reduces_the_learning_rate(seed):
    held = optimizer()
    scheduler = ReduceLROnSmoothedPlateau(held, beta=0.98, patience=60)
    for loss in noisy(600, seed):
        scheduler.step(loss)
    assert held.param_groups[0]["lr"] < 1.0


def test_the_average_is_bias_corrected_and_resumes():
    scheduler = ReduceLROnSmoothedPlateau(optimizer(), beta=0.9)
    assert math.isnan(scheduler.average)
    for loss in (2.0, 4.0, 1.0):
        scheduler.step(loss)
    assert scheduler.average == pytest.approx((0.81 * 2 + 0.9 * 4 + 1) / (0.81 + 0.9 + 1))
    again = ReduceLROnSmoothedPlateau(optimizer(), beta=0.9)
    again.load_state_dict(scheduler.state_dict())
    assert again.average == scheduler.average


def test_infinite_and_nan_losses_are_refused():
    for loss in (math.nan, math.inf):
        with pytest.raises(ValueError, match=f"the loss is {loss}"):
            ReduceLROnSmoothedPlateau(optimizer()).step(loss)


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ({"beta": 1.0}, r"beta must be in \[0, 1\), not 1.0"),
        ({"beta": -0.1}, r"beta must be in \[0, 1\), not -0.1"),
        ({"beta": math.nan}, r"beta must be in \[0, 1\), not nan"),
        ({"factor": 1.0}, r"factor multiplies the learning rate and must be in \(0, 1\), not 1.0"),
        ({"factor": 0.0}, r"must be in \(0, 1\), not 0.0"),
        ({"factor": -0.5}, r"must be in \(0, 1\), not -0.5"),
        ({"patience": -1}, "patience must be a finite number of at least 0, not -1"),
        ({"cooldown": -2}, "cooldown must be a finite number of at least 0, not -2"),
        ({"threshold": math.nan}, "threshold must be a finite number of at least 0, not nan"),
        ({"min_lr": -1e-6}, "min_lr must be a finite number of at least 0, not -1e-06"),
        ({"min_lr": [-1e-6]}, "min_lr must be a finite number of at least 0, not -1e-06"),
        ({"eps": -1e-8}, "eps must be a finite number of at least 0, not -1e-08"),
    ],
)
def test_options_out_of_range_are_named(option, says):
    with pytest.raises(ValueError, match=says):
        ReduceLROnSmoothedPlateau(optimizer(), **option)


def test_learning_rates_for_other_batch_sizes():
    assert scale_lr(0.1, 256, 64) == pytest.approx(0.4)
    assert scale_lr(0.1, 256, 64, by="square_root") == pytest.approx(0.2)
    assert scale_lr(0.1, 256, 64, largest_curvature=5.0) == pytest.approx(0.2)
    assert scale_lr(0.1, 256, 64, largest_curvature=0.5) == pytest.approx(0.4)
    with pytest.raises(ValueError, match="batch_size must be a finite number above 0, not 0"):
        scale_lr(0.1, 0, 64)
    with pytest.raises(ValueError, match="by must be linear or square_root, not 'cubic'"):
        scale_lr(0.1, 1, 1, by="cubic")


def test_a_learning_rate_is_limited_by_the_measured_curvature():
    torch.manual_seed(0)
    curvatures = torch.tensor([0.5, 7.0, 2.0, 1.0], dtype=torch.float64)
    turned = torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64)).Q
    w = nn.Parameter(torch.randn(4, dtype=torch.float64))
    gradient, hessian = derivatives(0.5 * (curvatures * (turned @ w) ** 2).sum(), [w])
    largest = top_eigenpair(hessian, start=gradient).value
    assert scale_lr(0.1, 512, 64, largest_curvature=largest) == pytest.approx(1 / 7)
    assert scale_lr(0.01, 512, 64, largest_curvature=largest) == pytest.approx(0.08)


def test_the_grid_of_the_lecture():
    assert lr_grid(0.1, 0.001) == [0.1, 0.03, 0.01, 0.003, 0.001]
    assert lr_grid(0.5, 0.02) == [0.5, 0.3, 0.1, 0.03]
    assert lr_grid(10.0, 10.0) == [10.0]
    for high, low in ((0.1, 0.2), (0.1, 0.0), (math.inf, 1.0)):
        with pytest.raises(ValueError, match="lr_grid"):
            lr_grid(high, low)


class Valley(nn.Module):
    """A quadratic with curvature λ, on which gradient descent diverges if the learning rate is above 2/λ."""

    def __init__(self, curvature):
        super().__init__()
        self.w = nn.Parameter(torch.ones(3))
        self.curvature = curvature
        self.register_buffer("calls", torch.zeros(()))

    def forward(self):
        self.calls += 1
        return 0.5 * self.curvature * (self.w**2).sum()


@pytest.mark.parametrize("curvature", [0.1, 1.0, 30.0])
def test_the_range_test_ends_where_gradient_descent_diverges(curvature):
    model = Valley(curvature)
    result = range_test(model, SGD(model.parameters(), lr=0.5), lambda _: model(), [None], (1e-4, 1e3), 300)
    assert 2 / curvature < result.rates[-1] < 20 / curvature
    assert 0.02 / curvature < result.suggested < 2 / curvature


def test_everything_is_restored_after_the_range_test():
    torch.manual_seed(0)
    model = Valley(1.0)
    adam = Adam(model.parameters(), lr=0.01)
    for _ in range(3):
        adam.zero_grad()
        model().backward()
        adam.step()
    before, state, gradient = model.w.detach().clone(), adam.state_dict(), model.w.grad.clone()
    moments = {name: value.clone() for name, value in state["state"][0].items()}
    random = torch.get_rng_state()
    range_test(model, adam, lambda batch: model() + torch.rand(()), [1, 2, 3], steps=20)
    assert torch.equal(model.w, before) and torch.equal(model.w.grad, gradient) and model.calls == 3
    assert adam.param_groups[0]["lr"] == 0.01
    assert all(torch.equal(adam.state[model.w][name], value) for name, value in moments.items())
    assert torch.equal(torch.get_rng_state(), random)


def test_groups_keep_their_ratios_and_other_parameters_of_the_optimizer_are_restored():
    model, other = Valley(1.0), nn.Parameter(torch.ones(2))
    held = torch.tensor(0.2)
    sgd = SGD([{"params": [model.w], "lr": held}, {"params": [other], "lr": 0.1}])
    seen = []

    def loss(_):
        seen.append([float(group["lr"]) for group in sgd.param_groups])
        return model() + (other**2).sum() - 50.0

    result = range_test(model, sgd, loss, [1], (1e-4, 1e-1), 20)
    assert len(result.rates) == 20  # A negative loss has not diverged.
    assert all(one == pytest.approx(2 * two) for one, two in seen[1:])
    assert torch.equal(other, torch.ones(2)) and other.grad is None
    assert sgd.param_groups[0]["lr"] is held and [float(g["lr"]) for g in sgd.param_groups] == pytest.approx([0.2, 0.1])


def test_invalid_range_tests_are_refused():
    model = Valley(1.0)
    sgd = SGD(model.parameters(), lr=0.5)
    with pytest.raises(ValueError, match="there are no batches"):
        range_test(model, sgd, lambda _: model(), [])
    with pytest.raises(ValueError, match="the loss is nan before the first step"):
        range_test(model, sgd, lambda _: model() * math.nan, [1])
    with pytest.raises(ValueError, match="0 < low < high"):
        range_test(model, sgd, lambda _: model(), [1], (1.0, 0.1))
