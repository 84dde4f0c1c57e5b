"""Kinds of points on known functions, and the gradient compared with the noise of its batches."""

from itertools import product
from math import isnan

import numpy as np
import pytest
import torch
from torch import Tensor

from descend.landscape import Loss, critical_point, ends
from descend.landscape.sign_flips import flipped_lengths, p_value_of_first

ONE = torch.float64
FUNCTIONS = {
    "minimum": lambda x, y: x**2 + 3 * y**2,
    "saddle": lambda x, y: x**2 - 3 * y**2,
    "maximum": lambda x, y: -(x**2) - 3 * y**2 + x**4,
    "flat": lambda x, y: x**3 + y**5,
    "degenerate": lambda x, y: x**2 + y**3,
}


def point(loss: Loss, at: list[Tensor], **options):
    return critical_point(loss, at, ends(loss.hessian(at), at), **options)


def of(function) -> Loss:
    return Loss((lambda theta: function(theta[0][0], theta[0][1]),))


@pytest.mark.parametrize("dtype", [ONE, torch.float32])
@pytest.mark.parametrize("kind", FUNCTIONS)
def test_each_kind_of_critical_point_is_recognised(kind: str, dtype: torch.dtype) -> None:
    found = point(of(FUNCTIONS[kind]), [torch.zeros(2, dtype=dtype)])
    assert found.kind == kind and found.gradient_norm == 0 and isnan(found.noise) and isnan(found.p_value)
    assert "counts as 0" in found.how and "NaN" not in found.how


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_a_point_next_to_a_critical_point_is_not_critical(kind: str) -> None:
    found = point(of(FUNCTIONS[kind]), [torch.tensor([0.1, 0.1], dtype=ONE)])
    assert found.kind == "no critical point" and "fewer than 6 batches" in found.how
    assert point(of(FUNCTIONS[kind]), [torch.tensor([0.1, 0.1], dtype=ONE)], tolerance=10.0).kind != found.kind


def test_a_minimum_to_the_precision_of_the_parameters() -> None:
    """At the float32 number nearest to a, the gradient of (θ − a)² is not 0, but no other number is nearer."""
    a = torch.tensor([1 / 3, 12345.678], dtype=ONE)
    loss = Loss((lambda theta: (theta[0].double() - a).square().sum(),))
    found = point(loss, [a.float()])
    assert found.gradient_norm > 0 and found.kind == "minimum"


def regression(seed: int, parts: int = 8, examples: int = 30, size: int = 4) -> tuple[Loss, Tensor, Tensor]:
    """Return squared errors on batches, the true weights, and the weights that fit all batches best."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(parts, examples, size, generator=draw, dtype=ONE)
    truth = torch.randn(size, generator=draw, dtype=ONE)
    y = x @ truth + torch.randn(parts, examples, generator=draw, dtype=ONE)
    fitted = torch.linalg.lstsq(x.reshape(-1, size), y.reshape(-1, 1)).solution[:, 0]
    losses = tuple(lambda theta, a=a, b=b: (a @ theta[0] - b).square().mean() / 2 for a, b in zip(x, y))
    return Loss(losses), truth, fitted


def test_at_the_best_fit_the_gradient_is_zero_and_the_noise_is_known() -> None:
    loss, _, fitted = regression(0)
    found = point(loss, [fitted])
    assert found.kind == "minimum" and found.gradient_norm < 1e-9
    rows = torch.stack([Loss((part,)).gradient([fitted])[0] for part in loss.parts])
    assert found.noise == pytest.approx(float((rows.var(0) / len(rows)).sum().sqrt()))


@pytest.mark.slow
def test_at_the_true_weights_the_gradient_is_found_to_be_noise_at_the_given_level() -> None:
    kinds = []
    for seed in range(100):
        loss, truth, _ = regression(seed, examples=1000)
        kinds.append(point(loss, [truth]).kind)
    assert 89 <= kinds.count("minimum") <= 99 and kinds.count("no critical point") == 100 - kinds.count("minimum")


@pytest.mark.slow
@pytest.mark.parametrize("examples", [10, 30])
def test_a_point_with_a_relevant_gradient_is_rarely_called_critical(examples: int) -> None:
    """At this distance from the true weights, a step lowers the cost by its standard error."""
    kinds = []
    for seed in range(100):
        loss, truth, _ = regression(seed, examples=examples)
        error = 0.5**0.5 / (8 * examples) ** 0.5  # standard error of the mean of ½r², where r is standard normal
        away = (2 * error / truth.numel()) ** 0.5  # The distance in each coordinate is the expectation of the gradient.
        kinds.append(point(loss, [truth + away]).kind)
    assert kinds.count("minimum") <= 8 and "cannot tell" in kinds  # upper limit for 100 draws at the 5 % level


def test_few_examples_cannot_decide_the_kind() -> None:
    """With eight batches of 10, no gradient is found at the true weights, but a large one could be missed."""
    seeds = (regression(seed, examples=10) for seed in range(20))
    found = [point(loss, [truth]) for loss, truth, _ in seeds]
    unknown = [each for each in found if each.kind == "cannot tell"]
    assert len(unknown) > 10 and all(each.p_value >= 0.05 and each.longest > each.negligible for each in unknown)
    assert "use more examples" in unknown[0].how and "curvature" not in unknown[0].how


def test_with_more_examples_only_a_smaller_gradient_is_compatible() -> None:
    few, many = (point(regression(0, examples=n)[0], [regression(0, examples=n)[1]]) for n in (30, 3000))
    assert many.longest < 0.2 * few.longest and many.kind == "minimum"
    assert "too small to matter" in many.how and "positive in every direction" in many.how


def test_a_tolerance_replaces_the_standard_error_of_the_cost() -> None:
    loss, truth, _ = regression(2)
    found = point(loss, [truth])
    assert found.p_value > 0.05
    assert point(loss, [truth], tolerance=0.9 * found.gradient_norm).kind == "cannot tell"
    assert point(loss, [truth], tolerance=1.01 * found.longest).kind == "minimum"


@pytest.mark.parametrize("parts", [6, 8, 40])
def test_a_point_away_from_the_weights_is_not_critical(parts: int) -> None:
    loss, truth, _ = regression(1, parts)
    found = point(loss, [truth + 1])
    assert found.kind == "no critical point" and found.p_value < 0.05 and "exceeds the gradient noise" in found.how


def test_all_choices_of_signs_are_tried() -> None:
    rows = np.random.default_rng(0).normal(0.4, 1, (7, 5))
    exact = np.linalg.norm(rows.sum(0))
    all_signs = product([1, -1], repeat=7)
    share = np.mean([np.linalg.norm(np.array(signs) @ rows) >= exact - 1e-9 for signs in all_signs])
    assert p_value_of_first(flipped_lengths(torch.tensor(rows @ rows.T))) == pytest.approx(share)


def test_the_lowest_and_the_highest_curvature_are_reported() -> None:
    found = point(of(FUNCTIONS["saddle"]), [torch.zeros(2, dtype=ONE)])
    assert (found.lowest, found.highest) == pytest.approx((-6, 2)) and "both signs (from -6 to 2)" in found.how
