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
from descend.doctor.measure.wiring import describe_optimizer
from descend.dynamics import agreement, linear_rule, observed, predicted
from descend.dynamics.prediction import classify_motion, recurrence_coefficients

EPS = 1e6  # so large that it is the divisor
HELD = {"eps": EPS}
GROWN = {"betas": (0.8, 0.99), "momentum_decay": 100.0, **HELD}  # NAdam's momentum is at its end within few steps
RULES = {
    "gradient descent": (torch.optim.SGD, {}, 1.0),
    "heavy ball": (torch.optim.SGD, {"momentum": 0.8}, 1.0),
    "dampened": (torch.optim.SGD, {"momentum": 0.8, "dampening": 0.3}, 1.0),
    "Nesterov": (torch.optim.SGD, {"momentum": 0.8, "nesterov": True}, 1.0),
    "Adam": (torch.optim.Adam, {"betas": (0.8, 0.99), **HELD}, EPS),
    "AdamW": (torch.optim.AdamW, {"betas": (0.8, 0.99), "weight_decay": 0.03 / EPS, **HELD}, EPS),
    "NAdam": (torch.optim.NAdam, GROWN, EPS),
    "NAdam of the paper": (optim.NAdam, {**GROWN, "form": "dozat"}, EPS),
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


@pytest.mark.slow
@pytest.mark.parametrize("length", [-0.1, 0.01, 0.5, 1.5, 3.0, 12.0])
@pytest.mark.parametrize("name", RULES)
def test_the_optimizer_moves_as_predicted(name: str, length: float) -> None:
    make, options, divisor = RULES[name]
    rule, curvature = linear_rule(described(name)), 2 * length
    late = course(make, options, length, divisor, 110)[80:]  # what bias correction does differently is over
    said = predicted(rule, 0.5, curvature)
    seen = observed(late, curvature * late[0], curvature, rule, 0.5)
    assert seen.kind == said.kind and seen.motion.rate == pytest.approx(said.rate, rel=1e-4)
    assert seen.length == pytest.approx(length, rel=1e-4) and agreement(seen, curvature).holds
    assert not agreement(seen, 1.2 * curvature).holds


@pytest.mark.parametrize("name", RULES)
def test_an_optimizer_diverges_above_the_bound(name: str) -> None:
    rule = linear_rule({**described(name), "weight_decay": 0})
    assert predicted(rule, rule.bound * 0.999, 1.0).kind == "oscillates"
    assert predicted(rule, rule.bound * 1.001, 1.0).kind == "diverges"


def test_optimizers_that_are_not_linear_have_no_rule() -> None:
    for name in ("LBFGS", "LAMB", "PowerSign", "SomebodysOwn"):
        assert linear_rule({"class": name}) is None
    assert linear_rule({"class": "SGD", "momentum": 0.9, "dampening": 1.0}) is None  # no gradient gets in


def test_the_momentum_of_nadam_grows() -> None:
    """Its bound at the first step, and where the momentum is grown: the gradient's direct share falls."""
    first, grown = (linear_rule({"class": "NAdam", "betas": [0.9, 0.999]}, step) for step in (0, None))
    assert first.bound == pytest.approx(2 * 1.9 / (1 - 0.45 * 0.9 + 0.9 * 0.55))
    assert grown.bound == pytest.approx(2 * 1.9 / (0.1 * 2.8))


def test_in_the_paper_the_growing_momentum_of_nadam_also_decays_its_buffer() -> None:
    """At the first step its running mean keeps µ = 0.45 and not β₁; where the momentum is grown the forms agree."""
    paper = {"class": "NAdam", "betas": [0.9, 0.999], "form": "dozat"}
    first, grown = (linear_rule(paper, step) for step in (0, None))
    assert (first.memory, first.now, first.direct) == pytest.approx((0.45, 1 - 0.45**2, 0.55))
    assert grown == linear_rule({"class": "NAdam", "betas": [0.9, 0.999]})


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
def test_the_kind_of_motion_follows_from_the_roots(trace: float, determinant: float, kind: str, rate: float) -> None:
    found = classify_motion(trace, determinant)
    assert (found.kind, found.rate) == (kind, pytest.approx(rate))
    assert found.root**2 - trace * found.root + determinant == pytest.approx(0, abs=1e-9)


def test_half_lives_follow_from_the_rate() -> None:
    assert classify_motion(0.5, 0).half_life == pytest.approx(1) and classify_motion(
        0.25, 0
    ).half_life == pytest.approx(0.5)
    assert (
        classify_motion(2, 0).half_life == classify_motion(1, 0).half_life == inf
        and classify_motion(0, 0).half_life == 0
    )


@settings(max_examples=200, deadline=None, derandomize=True)
@given(trace=st.floats(-3, 3), determinant=st.floats(-2, 2))
def test_the_rate_is_the_magnitude_of_the_largest_root(trace: float, determinant: float) -> None:
    assert classify_motion(trace, determinant).rate == pytest.approx(
        max(abs(np.roots([1, -trace, determinant]))), abs=1e-6
    )


def noisy(trace: float, determinant: float, sigma: float, seed: int, steps: int = 60) -> list[float]:
    """A recurrence around 7 with a shock at each step."""
    draw, path = random.Random(seed), [3.0, 2.8]
    for _ in range(steps):
        path.append(trace * path[-1] - determinant * path[-2] + draw.gauss(0, sigma))
    return [7 + x for x in path[1:]]


def test_the_estimate_is_a_regression_through_the_origin() -> None:
    path = noisy(0.8, 0, 0.2, 1)
    seen = observed(path, 0.4 * (path[0] - 7), 0.4, linear_rule({"class": "SGD"}), 0.5)
    x, y = 7 - np.array(path[:-1]), np.diff(path)
    fit = linregress(np.concatenate([x, -x]), np.concatenate([y, -y]))  # both ways: the intercept is 0
    assert seen.length == pytest.approx(fit.slope)
    assert seen.standard_error == pytest.approx(fit.stderr * 2**0.5) and seen.freedom == len(x) - 1
    assert seen.explained == pytest.approx(fit.rvalue**2)


@pytest.mark.parametrize("options", [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}])
@pytest.mark.parametrize("length", [0.05, 0.3, 1.1])
def test_noise_rarely_causes_disagreement_and_the_standard_error_is_right(options: dict, length: float) -> None:
    """Of 300 noisy paths of the predicted recurrence, about 1 in 20 disagrees; of another recurrence, nearly all."""
    rule = linear_rule({"class": "SGD", **options})
    held = other = driven = 0
    lengths, errors = [], []
    for seed in range(300):
        path = noisy(*recurrence_coefficients(rule, 1.0, length), 0.02, seed)
        seen = observed(path, length * (path[0] - 7), length, rule, 1.0)
        held += agreement(seen, length).p_value >= 0.05
        other += agreement(seen, 2 * length).p_value < 0.05
        driven += seen.kind == "driven"
        lengths.append(seen.length)
        errors.append(seen.standard_error)
    assert held >= 275 and other >= 295 and driven <= 3
    assert np.mean(errors) == pytest.approx(np.std(lengths), rel=0.25)
    assert np.mean(lengths) == pytest.approx(length, abs=0.5 * np.mean(errors))


def test_a_rate_that_noise_hides_is_not_reported() -> None:
    path = noisy(1.001, 0, 1.0, 3, 20)
    rule = linear_rule({"class": "SGD"})
    assert observed(path, -0.001 * (path[0] - 7), -0.001, rule, 1.0).kind == "undecided"


@pytest.mark.parametrize("options", [{}, {"momentum": 0.9}])
def test_a_driven_direction_is_not_mistaken_for_a_free_one(options: dict) -> None:
    """The centre moves, and the coordinate follows it with a delay."""
    rule = linear_rule({"class": "SGD", **options})
    place, speed, course = 0.0, 0.0, []
    for step in range(60):
        speed = rule.memory * speed - 0.5 * (place - 1e-3 * step**1.5)
        place += speed
        course.append(place)
    assert observed(course[20:], 0.5 * (course[20] - 1e-3 * 20**1.5), 0.5, rule, 1.0).kind == "driven"


@pytest.mark.parametrize("options", [{}, {"momentum": 0.9}])
def test_without_curvature_the_steps_follow_from_the_memory(options: dict) -> None:
    rule = linear_rule({"class": "SGD", **options})
    course, speed = [1.0], -0.05
    for _ in range(20):
        speed = rule.memory * speed - 0.1
        course.append(course[-1] + speed)
    seen = observed(course, 1.0, 0.0, rule, 0.1)
    assert seen.length == pytest.approx(0, abs=1e-9) and seen.motion.rate == pytest.approx(1)


@pytest.mark.parametrize("bad", [[1.0, 2.0], [1.0, float("nan"), 2.0, 3.0, 4.0, 5.0], [3.0] * 8, [3.0] * 7 + [4.0]])
def test_coordinates_without_information_are_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="coordinates|stays"):
        observed(bad, 0.0, 1.0, linear_rule({"class": "SGD"}), 0.1)
