"""Each trajectory equals the steps of its optimizer, from each start; on quadratics, it agrees with theory."""

import sys
from math import cos, exp, radians, sin, sqrt

import pytest
import torch

from descend import optim
from descend.trajectories import (
    RULES,
    Chosen,
    Oscillator,
    along_eigenvectors,
    chosen,
    differential_equations,
    surface,
    trajectories,
    with_rates,
)
from descend.trajectories.rates import TRIED

STEPS = 60
RATES = {"Adadelta": 3.0, "LARS": 3.0, "YellowFin": 1.0, "NewtonCG": 1.0, "Adagrad": 0.3, "DiagonalNewton": 0.1}
VARIANTS = (
    "SGD(momentum=0.9, dampening=0.3)",
    "SGD(momentum=0.9, nesterov=True)",
    'Momentum(form="average")',
    "Adam(amsgrad=True)",
    "Adam(bias_correction=False, weight_decay=0.1)",
    "RMSprop(centered=True, momentum=0.9)",
    "NAdam(weight_decay=0.1, decoupled_weight_decay=True)",
    "Adagrad(eps_inside=1e-6)",
    "LARS(weight_decay=0.01)",
    "LAMB(weight_decay=0.01)",
    "AddSign(f=0.3)",
    "Nesterov(momentum=0.5, weight_decay=0.01)",
)


def points(*rows: tuple[float, float]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def own_steps(rule: Chosen, start: torch.Tensor, steps: int, noise: torch.Tensor, on) -> torch.Tensor:
    """Take the steps with the optimizer itself, on one parameter, with gradients from backward()."""
    theta = start.clone().requires_grad_()
    optimizer = rule.construct([theta])
    path = [theta.detach().clone()]
    for t in range(steps):

        def loss(draw=noise[t]):
            return on.function(theta[0], theta[1]) + (draw * theta).sum()

        def backward(loss=loss):
            optimizer.zero_grad()
            value = loss()
            value.backward()
            return value

        if rule.name in ("NewtonCG", "DiagonalNewton"):
            torch.manual_seed(t + 1)
            optimizer.step(loss)
        else:
            optimizer.step(backward)
        path.append(theta.detach().clone())
    return torch.stack(path)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:SophiaG")  # it steps with gradients alone
@pytest.mark.parametrize("noise", [0.0, 0.1])
@pytest.mark.parametrize("text", [*RULES, *VARIANTS])
def test_the_trajectory_equals_the_steps_of_the_optimizer(text, noise):
    on = surface("beale")
    [rule] = chosen(text)
    rules = [rule.with_lr(RATES.get(rule.name, 0.01)), rule.with_lr(RATES.get(rule.name, 0.01) / 3)]
    starts = points(on.start, (0.3, -0.4), (3.4, 0.2))
    steps = 12 if rule.name == "NewtonCG" else STEPS
    draws = noise * torch.randn(steps, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    found = trajectories(on, rules, starts, steps, noise=noise, seed=3 if rule.name != "DiagonalNewton" else 0)
    # The random signs are drawn for all starts together, so only the first start has those of the optimizer.
    if rule.name == "DiagonalNewton":
        draws = noise * torch.randn(steps, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        starts = starts[:1]
    for one in found:
        for k, start in enumerate(starts):
            expected = own_steps(one.rule, start, steps, draws, on)
            assert torch.allclose(one.points[k], expected, rtol=1e-8, atol=1e-10), (one.rule.lr, k)
            assert torch.allclose(one.cost[k], on.cost(expected), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("name", ["SGD", "Adagrad", "Adadelta", "RMSprop", "Adam", "AdamW", "Adamax", "NAdam", "Rprop"])
def test_optimizers_of_torch_have_the_same_trajectory(name, monkeypatch):
    on = surface("rosenbrock")
    found = trajectories(on, [chosen(name)[0].with_lr(1e-3)], points(on.start), STEPS)[0].points[0]
    theta = points(on.start)[0].requires_grad_()
    monkeypatch.setattr(sys.modules["torch.optim.nadam"], "_get_scalar_dtype", lambda: torch.float64)
    optimizer = getattr(torch.optim, name)([theta], lr=1e-3)
    for expected in found[1:]:
        optimizer.zero_grad()
        on.function(theta[0], theta[1]).backward()
        optimizer.step()
        assert torch.allclose(theta, expected, rtol=1e-9, atol=1e-11)


def test_many_starts_and_optimizers_at_once_equal_each_alone():
    on = surface("saddle")
    rules = [rule.with_lr(0.05) for rule in chosen("LAMB,SGD,NAdam,Rprop,Nesterov,SGD")]
    starts = on.starts(3)
    together = trajectories(on, rules, starts, 20)
    for rule, one in zip(rules, together):
        for k in (0, 4, 9):
            [alone] = trajectories(on, [rule], starts[k : k + 1], 20)
            assert torch.allclose(one.points[k], alone.points[0], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("alpha", [0.9, 1.5, 2.5])
def test_gradient_descent_on_a_quadratic_is_a_power_of_one_factor(alpha):
    on = surface("ravine", condition_number=25)
    [one] = trajectories(on, [chosen("SGD")[0].with_lr(alpha)], points((-10.0, 4.0)), 15)
    steps = torch.arange(16, dtype=torch.float64)
    expected = torch.stack([-10 * (1 - alpha / 25) ** steps, 4 * (1 - alpha) ** steps], -1)
    assert torch.allclose(one.points[0], expected, rtol=1e-12)
    kinds = {0.9: "decays", 1.5: "oscillates", 2.5: "diverges"}
    steep, flat = along_eigenvectors(on, [one])
    assert (steep.curvature, flat.curvature) == pytest.approx((1, 1 / 25))
    assert steep.predicted == steep.observed == kinds[alpha] and flat.predicted == flat.observed == "decays"


def test_a_cost_that_is_not_quadratic_has_no_eigenvector_table():
    on = surface("beale")
    assert not along_eigenvectors(on, trajectories(on, [chosen("SGD")[0].with_lr(0.01)], points(on.start), 5))


@pytest.mark.parametrize("text", ["SGD", "Momentum(momentum=0.5)", "Nesterov(momentum=0.8)"])
def test_the_predicted_motion_along_eigenvectors_is_observed(text):
    on = surface("2*x**2 + x*y + y**2")
    rules = [chosen(text)[0].with_lr(lr) for lr in (0.01, 0.1, 0.3, 0.4, 0.9)]
    for along in along_eigenvectors(on, trajectories(on, rules, points(on.start), 40)):
        assert along.predicted == along.observed, (along.rule.lr, along.curvature)


@pytest.mark.slow
def test_the_noise_floor_agrees_with_theory():
    """With x′ = (1 − αλ)x − ασξ, the variance along an eigenvector settles at α·σ²/(λ(2 − αλ))."""
    alpha, sigma, steps = 0.5, 0.2, 8_000
    on = surface("ravine", condition_number=4)
    [one] = trajectories(on, [chosen("SGD")[0].with_lr(alpha)], points((0.0, 0.0)), steps, noise=sigma)
    for curvature, seen in zip((0.25, 1.0), one.points[0, 1000:].var(0).tolist()):
        factor = 1 - alpha * curvature
        correlated = (1 + factor**2) / (1 - factor**2)  # the mean of the squares is the variance
        error = sqrt(2 * correlated / (steps - 1000))
        assert seen == pytest.approx(alpha * sigma**2 / (curvature * (2 - alpha * curvature)), rel=4 * error)


def test_the_differential_equation_of_momentum_is_a_damped_oscillator():
    """From rest at 1, θ'' + cθ' + λθ = 0 has the underdamped solution e^(−ct/2)(cos ωt + c/(2ω)·sin ωt)."""
    on = surface("ravine", condition_number=4)
    oscillator = Oscillator.from_sgd(lr=0.1, momentum=0.9)
    path = oscillator.path(on, points((1.0, 1.0)), 50)[0]
    c = oscillator.friction
    for curvature, course in zip((0.25, 1.0), path.T.tolist()):
        omega = sqrt(curvature - c**2 / 4)
        for step in (0, 1, 7, 50):
            t = step * oscillator.time
            exact = exp(-c * t / 2) * (cos(omega * t) + c / (2 * omega) * sin(omega * t))
            assert course[step] == pytest.approx(exact, abs=1e-7)


@pytest.mark.slow
def test_momentum_approaches_its_differential_equation_with_smaller_steps():
    """With the same friction, halving the time of a step halves the distance: the scheme is of first order."""
    on, friction, distance = surface("beale"), 1.0, {}
    for time in (0.08, 0.04, 0.02):
        mu = 1 / (1 + friction * time)
        rules = [Chosen("Momentum", optim.Momentum, {"lr": time**2 * mu, "momentum": mu})]
        steps, starts = round(2 / time), points((1.0, 0.5))
        [momentum] = trajectories(on, rules, starts, steps)
        [equation] = differential_equations(on, rules, starts, steps)
        distance[time] = float((momentum.points - equation.points).norm(dim=-1).max())
    assert distance[0.04] < 0.6 * distance[0.08] and distance[0.02] < 0.6 * distance[0.04] < 0.1


# These optimizers also use the weights themselves.
TRANSLATION = {*RULES} - {"AdamW", "LARS", "LAMB", "Adafactor", "Muon", "SOAP", "SophiaG"}
# These optimizers use only gradients and norms.
ROTATION = {"SGD", "Momentum", "Nesterov", "LARS", "YellowFin", "NewtonCG"}


@pytest.mark.parametrize("name", RULES)
def test_invariance_of_optimizers_to_translation_and_rotation(name):
    function = lambda x, y: x**2 + 3 * y**2 + x * y + torch.cos(x)  # noqa: E731
    moved = lambda x, y: function(x - 5, y + 2)  # noqa: E731
    c, s = cos(radians(30)), sin(radians(30))
    turned = lambda x, y: function(c * x + s * y, -s * x + c * y)  # noqa: E731
    rule = chosen(name)[0].with_lr(RATES.get(name, 0.02))
    start = points((1.0, 0.7))

    def path(of, begin):
        on = surface("x**2")
        return trajectories(type(on)("", "", "", of, on.window, on.start), [rule], begin, 10)[0].points[0]

    plain = path(function, start)
    apart = path(moved, start + points((5.0, -2.0))) - points((5.0, -2.0))
    rotation = torch.tensor([[c, -s], [s, c]], dtype=torch.float64)
    around = path(turned, start @ rotation.T) @ rotation
    assert torch.allclose(apart, plain, atol=1e-6) == (name in TRANSLATION)
    assert torch.allclose(around, plain, atol=1e-6) == (name in ROTATION)


def test_a_trajectory_ends_where_it_leaves_the_surface():
    on = surface("x**2 - y**2")
    one, other = trajectories(
        on, [chosen("SGD")[0].with_lr(0.2), chosen("YellowFin")[0].with_lr(1e6)], points((1, 0.1)), 100
    )
    step = one.divergence_step()
    assert step is not None and bool(one.points[0, : step + 1].isfinite().all())
    assert not bool(one.points[0, step + 1 :].isfinite().any()) and not bool(one.cost[0, step + 1 :].isfinite().any())
    assert abs(float(one.points[0, step, 1])) > 4000 >= abs(float(one.points[0, step - 1, 1]))
    assert other.divergence_step() is not None
    [stays] = trajectories(on, [chosen("SGD")[0].with_lr(0.2)], points((1, 0)), 100)
    assert stays.divergence_step() is None  # exactly on the line that leads into the saddle point


def test_the_search_chooses_the_best_learning_rate():
    on = surface("rosenbrock")
    [found] = with_rates(on, chosen("Momentum"), 50)
    assert found.how == "searched" and found.lr in TRIED
    scores = {}
    for lr in TRIED:
        path = own_steps(found.with_lr(lr), points(on.start)[0], 50, torch.zeros(50, 2), on)
        cost = on.cost(path)
        inside = bool((((path[:, 0] - 0.2) / 4.4).abs() <= 1).all() and (((path[:, 1] - 0.6) / 2.4).abs() <= 1).all())
        if inside and bool(cost.isfinite().all()):
            scores[lr] = float((cost / cost[0]).clamp_min(1e-9).log().mean())
    assert found.lr == min(scores, key=scores.__getitem__)


def test_optimizers_with_their_own_learning_rate_keep_the_default():
    rules = with_rates(surface("beale"), [*chosen("YellowFin,NewtonCG"), chosen("SGD")[0].with_lr(0.3)], 5)
    assert [(rule.lr, rule.how) for rule in rules] == [(1.0, "default"), (1.0, "default"), (0.3, "given")]
