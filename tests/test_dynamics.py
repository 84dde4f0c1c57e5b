"""What rules do to a direction: predictions against real optimizers, observations against known courses."""

import random
from contextlib import nullcontext
from math import inf

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import linregress

from descend import optim
from descend.dynamics import agreement, linear_rule, observed, predicted
from descend.dynamics.prediction import motion
from descend.probes.wiring import describe_optimizer

EPS = 1e6  # so large that it is the divisor
HELD = {"eps": EPS}
RULES = {
    "gradient descent": (torch.optim.SGD, {}, 1.0),
    "heavy ball": (torch.optim.SGD, {"momentum": 0.8}, 1.0),
    "dampened": (torch.optim.SGD, {"momentum": 0.8, "dampening": 0.3}, 1.0),
    "Nesterov": (torch.optim.SGD, {"momentum": 0.8, "nesterov": True}, 1.0),
    "Adam": (torch.optim.Adam, {"betas": (0.8, 0.99), **HELD}, EPS),
    "AdamW": (torch.optim.AdamW, {"betas": (0.8, 0.99), "weight_decay": 0.03 / EPS, **HELD}, EPS),
    "NAdam": (torch.optim.NAdam, {"betas": (0.8, 0.99), "momentum_decay": 100.0, **HELD}, EPS),
    "RMSprop": (torch.optim.RMSprop, {"momentum": 0.7, **HELD}, EPS),
    "Adagrad": (torch.optim.Adagrad, HELD, EPS),
    "Adamax": (torch.optim.Adamax, {"betas": (0.8, 0.9), **HELD}, EPS),
    "our velocity": (optim.Momentum, {"momentum": 0.8}, 1.0),
    "our average": (optim.Momentum, {"momentum": 0.8, "form": "average"}, 1.0),
    "our look-ahead": (optim.Nesterov, {"momentum": 0.8}, 1.0),
}


def course(make, options, length: float, divisor: float, steps: int) -> list[float]:
    """Where a parameter of ½λx² goes, where α·λ/P is the length and α = ½, from far below ε."""
    weight = torch.full((1,), 1e-200, dtype=torch.float64, requires_grad=True)
    rule = make([weight], lr=0.5 * divisor, **options)
    path = [weight.item()]
    for _ in range(steps):
        rule.zero_grad()
        with rule.look_ahead() if hasattr(rule, "look_ahead") else nullcontext():
            (length * weight.square()).sum().backward()
        rule.step()
        path.append(weight.item())
    return path


def described(name: str) -> dict:
    make, options, divisor = RULES[name]
    fact = describe_optimizer(make([torch.ones(1, requires_grad=True)], lr=0.1, **options))
    return {**fact, "weight_decay": fact.get("weight_decay", 0) * divisor}


@pytest.mark.parametrize("length", [-0.1, 0.01, 0.5, 1.5, 3.0, 12.0])
@pytest.mark.parametrize("name", RULES)
def test_what_is_predicted_is_what_the_optimizer_does(name: str, length: float) -> None:
    make, options, divisor = RULES[name]
    rule, curvature = linear_rule(described(name)), 2 * length
    late = course(make, options, length, divisor, 110)[80:]  # what bias correction does differently is over
    said = predicted(rule, 0.5, curvature)
    seen = observed(late, curvature * late[0], curvature, memory=rule.memory > 0)
    assert seen.kind == said.kind and seen.motion.rate == pytest.approx(said.rate, rel=1e-4)
    assert agreement(seen, rule, 0.5, curvature).holds
    assert not agreement(seen, rule, 0.6, curvature).holds


@pytest.mark.parametrize("name", RULES)
def test_the_bound_is_where_it_begins_to_diverge(name: str) -> None:
    rule = linear_rule({**described(name), "weight_decay": 0})
    assert predicted(rule, rule.bound * 0.999, 1.0).kind == "oscillates"
    assert predicted(rule, rule.bound * 1.001, 1.0).kind == "diverges"


def test_what_is_not_linear_has_no_rule() -> None:
    for name in ("LBFGS", "LAMB", "PowerSign", "SomebodysOwn"):
        assert linear_rule({"class": name}) is None
    assert linear_rule({"class": "SGD", "momentum": 0.9, "dampening": 1.0}) is None  # no gradient gets in


def test_nadams_momentum_grows() -> None:
    """Its bound at the first step, and where the momentum is grown: the gradient's direct share falls."""
    first, grown = (linear_rule({"class": "NAdam", "betas": [0.9, 0.999]}, step) for step in (0, None))
    assert first.bound == pytest.approx(2 * 1.9 / (1 - 0.45 * 0.9 + 0.9 * 0.55))
    assert grown.bound == pytest.approx(2 * 1.9 / (0.1 * 2.8))


@pytest.mark.parametrize(
    ("trace", "determinant", "kind", "rate"),
    [
        (1.5, 0.5, "stays", 1.0),
        (0.5, 0.0, "decays", 0.5),
        (-0.5, 0.0, "oscillates", 0.5),
        (0.0, 0.81, "oscillates", 0.9),
        (1.9, 1.0, "oscillates", 1.0),
        (2.5, 1.0, "diverges", 2.0),
        (-2.5, 1.0, "diverges", 2.0),
        (0.0, 0.0, "decays", 0.0),
    ],
)
def test_roots(trace: float, determinant: float, kind: str, rate: float) -> None:
    found = motion(trace, determinant)
    assert (found.kind, found.rate) == (kind, pytest.approx(rate))
    assert found.root**2 - trace * found.root + determinant == pytest.approx(0, abs=1e-9)


def test_half_lives() -> None:
    assert motion(0.5, 0).half_life == pytest.approx(1) and motion(0.25, 0).half_life == pytest.approx(0.5)
    assert motion(2, 0).half_life == motion(1, 0).half_life == inf and motion(0, 0).half_life == 0


@settings(max_examples=200, deadline=None, derandomize=True)
@given(trace=st.floats(-3, 3), determinant=st.floats(-2, 2))
def test_the_rate_is_numpys_largest_root(trace: float, determinant: float) -> None:
    assert motion(trace, determinant).rate == pytest.approx(max(abs(np.roots([1, -trace, determinant]))), abs=1e-6)


def noisy(trace: float, determinant: float, sigma: float, seed: int, steps: int = 60) -> list[float]:
    """A recurrence around 7 with a shock at each step."""
    draw, path = random.Random(seed), [3.0, 2.8]
    for _ in range(steps):
        path.append(trace * path[-1] - determinant * path[-2] + draw.gauss(0, sigma))
    return [7 + x for x in path[1:]]


def test_one_column_is_scipys_regression_through_the_origin() -> None:
    path = noisy(0.8, 0, 0.2, 1)
    seen = observed(path, 0.4 * (path[0] - 7), 0.4, memory=False)
    x, y = np.array(path[:-1]) - 7, np.diff(path)
    fit = linregress(np.concatenate([x, -x]), np.concatenate([y, -y]))  # both ways: the intercept is 0
    assert seen.coefficients[0] == pytest.approx(fit.slope)
    assert seen.standard_error == pytest.approx(fit.stderr * 2**0.5)


def test_two_columns_are_numpys_least_squares() -> None:
    path = noisy(1.6, 0.8, 0.1, 2)
    seen = observed(path, 0.4 * (path[0] - 7), 0.4, memory=True)
    x = np.array(path) - 7
    columns = np.stack([x[1:-1], np.diff(x)[:-1]], 1)
    solution, squares, *_ = np.linalg.lstsq(columns, np.diff(x)[1:], rcond=None)
    assert seen.coefficients == pytest.approx(tuple(solution))
    assert seen.noise**2 == pytest.approx(squares[0] / (len(columns) - 2)) and seen.freedom == len(columns) - 2
    assert np.array(seen.triangle).T @ np.array(seen.triangle) == pytest.approx(columns.T @ columns)


@pytest.mark.parametrize(("memory", "length"), [(0.0, 0.3), (0.0, 1.7), (0.9, 0.05), (0.9, 1.5)])
def test_noise_alone_is_seldom_a_disagreement_and_the_error_is_true(memory: float, length: float) -> None:
    """Of 400 noisy courses of the predicted recurrence about 1 in 20 is called apart; of another, nearly all."""
    rule = linear_rule({"class": "SGD", "momentum": memory})
    trace, determinant = 1 + memory - length, memory
    held = other = 0
    rates, errors = [], []
    for seed in range(400):
        path = noisy(trace, determinant, 0.1, seed)
        seen = observed(path, length * (path[0] - 7), length, memory=memory > 0)
        held += agreement(seen, rule, 1.0, length).p_value >= 0.05
        other += agreement(seen, rule, 1.0, length + 0.4).p_value < 0.05
        rates.append(seen.motion.rate)
        errors.append(seen.standard_error)
    assert held >= 360 and other >= 390
    if length != 0.05:  # near where two roots meet the error is no longer one of a line
        assert np.mean(errors) == pytest.approx(np.std(rates), rel=0.35)


def test_a_rate_that_noise_hides_is_not_told() -> None:
    path = noisy(1.001, 0, 1.0, 3, 20)
    assert observed(path, -0.001 * (path[0] - 7), -0.001, memory=False).kind == "undecided"


def test_without_curvature_the_steps_are_equal() -> None:
    seen = observed([1.0, 0.9, 0.8, 0.7, 0.6, 0.5], 1.0, 0.0, memory=False)
    assert seen.motion.rate == pytest.approx(1) and seen.kind in ("stays", "undecided")


def test_one_root_at_work_is_enough() -> None:
    """A course of one mode alone tells that root, under a rule that has two."""
    seen = observed([0.9**k for k in range(20)], 0.3, 0.3, memory=True)
    assert seen.motion.rate == pytest.approx(0.9) and seen.kind == "decays"


@pytest.mark.parametrize("bad", [[1.0, 2.0], [1.0, float("nan"), 2.0, 3.0, 4.0, 5.0], [3.0] * 8, [3.0] * 7 + [4.0]])
def test_courses_that_say_nothing(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="points|rests"):
        observed(bad, 0.0, 1.0, memory=True)
