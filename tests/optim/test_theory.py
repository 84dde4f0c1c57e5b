"""Theoretical properties of the optimizers: stability bounds, closed forms, invariances, one-step convergence."""

import copy
import math
import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from descend import optim
from descend.optim.yellowfin import optimal_momentum_and_lr

pytestmark = pytest.mark.slow
MU = 0.9
FORMS = ["velocity", "sum", "average", "blend"]


def quadratic(make, curvature: float, steps: int, start: float = 1.0, **options) -> list[float]:
    """Return |θ| over the steps on ½·curvature·θ², the gradient taken where the rule wants it."""
    parameter = torch.full((1,), start, dtype=torch.float64, requires_grad=True)
    optimizer, path = make([parameter], **options), []

    def closure():
        optimizer.zero_grad()
        loss = (0.5 * curvature * parameter**2).sum()
        loss.backward()
        return loss

    for _ in range(steps):
        optimizer.step(closure)
        path.append(abs(parameter.item()))
    return path


@pytest.mark.parametrize(
    ("make", "options", "bound"),
    [
        (optim.SGD, {}, 2),
        (optim.SGD, {"momentum": MU}, 2 * (1 + MU)),
        (optim.Momentum, {"momentum": MU}, 2 * (1 + MU)),
        (optim.Momentum, {"momentum": MU, "form": "average"}, 2 * (1 + MU) / (1 - MU)),
        (optim.Momentum, {"momentum": MU, "form": "blend"}, 2 * (1 + MU) / (1 - MU)),
        (optim.Nesterov, {"momentum": MU}, 2 * (1 + MU) / (1 + 2 * MU)),
        (optim.SGD, {"momentum": MU, "nesterov": True}, 2 * (1 + MU) / (1 + 2 * MU)),
        (optim.Adam, {"betas": (MU, 0.999), "eps": 1.0}, 2 * (1 + MU) / (1 - MU)),  # ε is the preconditioner here
    ],
)
def test_the_stability_bound_on_lr_times_curvature(make, options, bound):
    start = 1e-40  # far below ε in Adam
    below = quadratic(make, 1.0, 4000, start, lr=0.99 * bound, **options)
    above = quadratic(make, 1.0, 4000, start, lr=1.01 * bound, **options)
    assert max(below[-10:]) < 0.1 * start
    assert max(above[-10:]) > 10 * start


@settings(max_examples=25, deadline=None)
@given(lr=st.floats(0.001, 0.5), mu=st.floats(0.0, 0.95), forms=st.permutations(FORMS))
def test_the_parametrisations_of_momentum_convert(lr, mu, forms):
    old, new = forms[:2]
    other = optim.convert_lr(lr, mu, old, new)
    first = quadratic(optim.Momentum, 1.0, 20, lr=lr, momentum=mu, form=old)
    assert quadratic(optim.Momentum, 1.0, 20, lr=other, momentum=mu, form=new) == pytest.approx(first, rel=1e-9)
    assert optim.convert_lr(lr, mu, "velocity", "average") == pytest.approx(lr / (1 - mu))


@pytest.mark.parametrize(
    ("make", "options"),
    [(optim.Momentum, {}), (optim.Momentum, {"form": "sum"}), (optim.SGD, {}), (torch.optim.SGD, {})],
)
def test_with_momentum_1_the_energy_is_conserved_and_nothing_converges(make, options):
    """Ba, CSC413 lecture 4, Momentum: μ = 1. Semi-implicit steps keep θ² + v² but for a term of the rate's size."""
    path = quadratic(make, 1.0, 2000, lr=1e-2, momentum=1.0, **options)
    assert max(path[-100:]) == pytest.approx(1.0, abs=0.01)
    assert max(quadratic(make, 1.0, 2000, lr=1e-2, momentum=0.99, **options)[-100:]) < 1e-3


@pytest.mark.parametrize("form", ["average", "blend"])
def test_a_running_mean_with_momentum_1_is_rejected(form):
    parameter = torch.ones(1, requires_grad=True)
    with pytest.raises(ValueError, match=f"form {form} is a mean of the gradients, so momentum must be below 1, not 1"):
        optim.Momentum([parameter], momentum=1.0, form=form)
    with pytest.raises(ValueError, match="momentum must be in \\[0, 1\\], not 1.1"):
        optim.Momentum([parameter], momentum=1.1)
    with pytest.raises(ValueError, match="below 1"):
        optim.convert_lr(0.1, 1.0, "velocity", "average")


def test_the_two_forms_of_nesterov_take_the_same_steps():
    theta, looking = (torch.ones(3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    curvature = torch.tensor([0.1, 1.0, 3.0], dtype=torch.float64)
    first, second = optim.Nesterov([theta], lr=0.1), optim.SGD([looking], lr=0.1, momentum=MU, nesterov=True)
    for _ in range(50):
        first.zero_grad()
        with first.look_ahead():
            (0.5 * curvature * theta**2).sum().backward()
        first.step()
        second.zero_grad()
        (0.5 * curvature * looking**2).sum().backward()
        second.step()
        with first.look_ahead():
            assert torch.allclose(theta, looking, rtol=1e-12, atol=1e-15)


def test_nesterov_restores_the_parameters_if_the_closure_fails():
    parameter = torch.ones(1, requires_grad=True)
    optimizer = optim.Nesterov([parameter], lr=0.1)
    parameter.grad = torch.ones(1)
    optimizer.step()
    rest = parameter.item()
    with pytest.raises(KeyError):
        optimizer.step(lambda: {}["loss"])
    assert parameter.item() == rest


@pytest.mark.parametrize(
    ("make", "options"),
    [(optim.Adadelta, {"eps": 1e-14}), (optim.Adam, {"eps": 1e-30}), (optim.Adamax, {"eps": 1e-30})],
)
def test_scaling_the_loss_does_not_change_the_steps(make, options):
    paths = []
    for scale in (1.0, 1000.0):
        parameter = torch.ones(3, dtype=torch.float64, requires_grad=True)
        optimizer = make([parameter], **options)
        for step in range(30):
            parameter.grad = scale * torch.tensor([1.0, -0.5, 2.0], dtype=torch.float64).cos() * math.cos(step)
            optimizer.step()
        paths.append(parameter.detach())
    assert torch.allclose(*paths, rtol=1e-6)


@pytest.mark.parametrize("name", ["RMSprop", "Adam", "Adamax", "NAdam"])
def test_a_constant_gradient_gives_steps_of_lr(name):
    parameter = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimizer = getattr(optim, name)([parameter], lr=0.01)
    for _ in range(3000):
        before = parameter.detach().clone()
        parameter.grad = torch.tensor([1e3, -1e-3], dtype=torch.float64)
        optimizer.step()
    assert torch.allclose(parameter.detach() - before, torch.tensor([-0.01, 0.01], dtype=torch.float64), rtol=1e-3)


def spd(size: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    rotation = torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=torch.float64))[0]
    return rotation @ torch.diag(torch.logspace(-2, 2, size, dtype=torch.float64)) @ rotation.T


def test_newton_reaches_the_minimum_of_a_quadratic_in_one_step():
    hessian, minimum = spd(12), torch.arange(12, dtype=torch.float64)
    parameter = torch.zeros(12, dtype=torch.float64, requires_grad=True)
    optimizer = optim.NewtonCG([parameter], tolerance=1e-13, max_products=100)
    optimizer.step(lambda: 0.5 * (parameter - minimum) @ hessian @ (parameter - minimum))
    assert torch.allclose(parameter.detach(), minimum, rtol=1e-8, atol=1e-8)


def test_newton_reduces_a_loss_that_is_not_convex():
    parameter = torch.tensor([-1.2, 1.0], dtype=torch.float64, requires_grad=True)
    optimizer = optim.NewtonCG([parameter], tolerance=1e-6)

    def rosenbrock():
        return (1 - parameter[0]) ** 2 + 100 * (parameter[1] - parameter[0] ** 2) ** 2

    losses = [optimizer.step(rosenbrock).item() for _ in range(40)]
    assert all(b <= a for a, b in zip(losses, losses[1:], strict=False))
    assert torch.allclose(parameter.detach(), torch.ones(2, dtype=torch.float64), atol=1e-6)


def test_damping_shortens_the_step():
    parameter = torch.ones(1, dtype=torch.float64, requires_grad=True)
    optim.NewtonCG([parameter], damping=3.0, tolerance=1e-12).step(lambda: (0.5 * parameter**2).sum())
    assert parameter.item() == pytest.approx(1 - 1 / (1 + 3))


def test_diagonal_newton_minimises_a_separable_quadratic_in_one_step():
    curvature, minimum = torch.logspace(-2, 2, 9, dtype=torch.float64), torch.arange(9, dtype=torch.float64)
    parameter = torch.zeros(9, dtype=torch.float64, requires_grad=True)
    optimizer = optim.DiagonalNewton([parameter], lr=1.0, damping=0.0)
    optimizer.step(lambda: (0.5 * curvature * (parameter - minimum) ** 2).sum())
    assert torch.allclose(parameter.detach(), minimum)


@pytest.mark.parametrize("make", [optim.NewtonCG, optim.DiagonalNewton])
def test_a_closure_that_calls_backward_is_rejected(make):
    parameter = torch.ones(1, requires_grad=True)

    def closure():
        loss = (parameter**4).sum()
        loss.backward()
        return loss

    with pytest.raises(RuntimeError, match="must return the loss without calling backward"):
        make([parameter]).step(closure)
    with pytest.raises(RuntimeError, match="must be called with a closure"):
        make([parameter]).step()
    assert parameter.item() == 1


def test_nesterov_warns_if_the_gradient_is_taken_at_the_parameters():
    theta = torch.ones(2, requires_grad=True)
    optimizer = optim.Nesterov([theta], lr=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            with optimizer.look_ahead():
                theta.grad = theta.detach().clone()
            optimizer.step()
        copied = copy.deepcopy(optimizer)
        copied.step(lambda: (copied.param_groups[0]["params"][0] ** 2).sum())
    with pytest.warns(UserWarning, match="the steps are those of plain momentum"):
        optimizer.step()


@pytest.mark.parametrize(
    ("make", "options"), [(optim.NewtonCG, {"tolerance": 1e-9}), (optim.DiagonalNewton, {"every": 2})]
)
def test_a_copied_second_order_optimizer_takes_the_same_steps(make, options):
    parameter = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    optimizer = make([parameter], **options)
    optimizer.step(lambda: (parameter**4).sum())
    other = copy.deepcopy(optimizer)
    twin = other.param_groups[0]["params"][0]
    optimizer.step(lambda: (parameter**4).sum())
    other.step(lambda: (twin**4).sum())
    assert torch.equal(parameter, twin)


@settings(max_examples=50, deadline=None)
@given(least=st.floats(1e-3, 10), ratio=st.floats(1, 1e4), variance=st.floats(0, 100), distance=st.floats(1e-3, 100))
def test_the_momentum_of_yellowfin_is_robust_to_all_measured_curvatures(least, ratio, variance, distance):
    mu, lr = optimal_momentum_and_lr(variance, distance, least, least * ratio)
    assert 0 <= mu < 1 and lr > 0
    for curvature in (least, least * math.sqrt(ratio), least * ratio):
        operator = torch.tensor([[1 + mu - lr * curvature, -mu], [1.0, 0.0]], dtype=torch.float64)
        radius = torch.linalg.eigvals(operator).abs().max().item()
        assert radius == pytest.approx(math.sqrt(mu), abs=2e-3)  # a double root moves by the root of round-off


@pytest.mark.parametrize("scale", [0.1, 10.0])
def test_yellowfin_finds_its_learning_rate_for_inputs_of_any_scale(scale):
    lost = []
    for seed in range(4):
        generator = torch.Generator().manual_seed(seed)
        x, direction = torch.randn(512, 10, generator=generator), torch.randn(10, generator=generator)
        target = (x @ direction + 0.5 * torch.randn(512, generator=generator) > 0).double()
        best = LogisticRegression(C=math.inf, fit_intercept=False).fit(x, target).score(x, target)
        weight = torch.zeros(10, dtype=torch.float64, requires_grad=True)
        optimizer = optim.YellowFin([weight], beta=0.99)
        for _ in range(1500):
            rows = torch.randint(512, (64,), generator=generator)
            optimizer.zero_grad()
            binary_cross_entropy_with_logits(scale * x[rows].double() @ weight, target[rows]).backward()
            optimizer.step()
        with torch.no_grad():
            lost.append(best - ((x.double() @ weight > 0) == (target > 0)).double().mean().item())
    assert sum(lost) / len(lost) < 0.02


def test_yellowfin_trains_a_deep_network_with_its_defaults():
    x, y = load_digits(return_X_y=True)
    x, y = torch.tensor(x, dtype=torch.float32) / 16, torch.tensor(y)
    torch.manual_seed(0)
    hidden = [layer for _ in range(2) for layer in (torch.nn.Linear(32, 32), torch.nn.ReLU())]
    net = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), *hidden, torch.nn.Linear(32, 10))
    optimizer = optim.YellowFin(net.parameters())
    for _ in range(600):
        rows = torch.randint(len(x), (64,))
        optimizer.zero_grad()
        cross_entropy(net(x[rows]), y[rows]).backward()
        optimizer.step()
    assert cross_entropy(net(x), y) < 0.5
