from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from descend.doctor.measure.gradient_check import GradientError, gradient_error

torch.manual_seed(0)
X = torch.randn(30, 20, requires_grad=True)
W = torch.randn(20, 10, requires_grad=True)
RIGHT, WRONG = 1e-6, 0.01


def function(value: Callable[..., Tensor], gradient: Callable[..., Any]) -> Callable[..., Any]:
    """Return the `apply` of a Function whose backward pass is `gradient(output's gradient, *inputs)`."""

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *inputs: Any) -> Tensor:
            ctx.inputs = inputs
            return value(*inputs)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            return gradient(g, *ctx.inputs)

    return Function.apply


RIGHT_ONES = {
    "square": (lambda x: x * x, lambda g, x: 2 * x * g),
    "rectifier": (lambda x: x.clamp(min=0), lambda g, x: g * (x > 0)),
    "number": (lambda x: (x * x).sum(), lambda g, x: 2 * x * g),
    "rows": (lambda x: x.softmax(1), lambda g, x: x.softmax(1) * (g - (g * x.softmax(1)).sum(1, keepdim=True))),
}


@pytest.mark.parametrize("kind", RIGHT_ONES)
def test_a_right_gradient(kind: str) -> None:
    found = gradient_error(function(*RIGHT_ONES[kind]), (X,))
    assert found is not None and found.input == 0 and found.error < RIGHT


WRONG_ONES = {
    "a missing factor": (lambda x: x * x, lambda g, x: x * g, 0.5),
    "a wrong sign": (lambda x: x.sin(), lambda g, x: -x.cos() * g, 2.0),
    "the derivative forgotten": (lambda x: x.exp(), lambda g, x: g, None),
    "another function's": (lambda x: x.sigmoid(), lambda g, x: (1 - x.tanh() ** 2) * g, None),
    "five per cent": (lambda x: x.sin(), lambda g, x: 1.05 * x.cos() * g, 0.05 / 1.05),
    "nothing": (lambda x: x * x, lambda g, x: torch.zeros_like(g), 1.0),
    "a mean taken for a sum": (lambda x: x.mean(0), lambda g, x: g.expand_as(x), 29 / 30),
}


@pytest.mark.parametrize("kind", WRONG_ONES)
def test_a_wrong_gradient(kind: str) -> None:
    value, gradient, expected = WRONG_ONES[kind]
    found = gradient_error(function(value, gradient), (X,))
    assert found is not None and found.error > WRONG
    if expected is not None:
        assert found.error == pytest.approx(expected, rel=1e-4)


def test_the_input_whose_gradient_is_wrong() -> None:
    right = function(torch.matmul, lambda g, x, w: (g @ w.T, x.T @ g))
    wrong = function(torch.matmul, lambda g, x, w: (g @ w.T, 3 * x.T @ g))
    assert gradient_error(right, (X, W)).error < RIGHT
    assert gradient_error(wrong, (X, W)) == GradientError(1, pytest.approx(2 / 3))
    assert gradient_error(wrong, (X, W.detach())).error < RIGHT  # no gradient is needed for this argument


def test_other_arguments_are_passed_on() -> None:
    scaled = function(lambda x, factor, rows: x[rows] * factor, lambda g, x, factor, rows: (back(g, rows), None, None))

    def back(g: Tensor, rows: Tensor) -> Tensor:
        return torch.zeros(30, 20, dtype=g.dtype).index_add(0, rows, 2.5 * g)

    assert gradient_error(scaled, (X, 2.5, torch.tensor([3, 1, 3]))).error < RIGHT


STAND_INS = {
    "straight through a sign": (lambda x: x.sign(), lambda g, x: g),
    "straight through, within a range": (lambda x: x.sign(), lambda g, x: g * (x.abs() < 1)),
    "straight through a rounding": (lambda x: x.round(), lambda g, x: g),
    "a surrogate for a spike": (lambda x: (x > 0).to(x), lambda g, x: g / (1 + 10 * x.abs()) ** 2),
    "a reversed gradient": (lambda x: x.view_as(x), lambda g, x: -g),
    "a weaker gradient": (lambda x: x.clone(), lambda g, x: 0.1 * g),
    "a clipped gradient": (lambda x: x.clone(), lambda g, x: g.clamp(-0.01, 0.01)),
    "no gradient": (lambda x: x * x, lambda g, x: None),
}


@pytest.mark.parametrize("kind", STAND_INS)
def test_a_straight_through_gradient_is_not_an_error(kind: str) -> None:
    assert gradient_error(function(*STAND_INS[kind]), (X,)) is None


def test_eight_bit_quantisation_of_many_values_is_not_an_error() -> None:
    torch.manual_seed(0)
    x = torch.randn(256, 128, requires_grad=True)
    assert gradient_error(function(lambda x: (x * 255).round() / 255, lambda g, x: g), (x,)) is None


def test_a_straight_through_clamp_is_not_an_error() -> None:
    assert gradient_error(function(lambda x: x.clamp(-1, 1), lambda g, x: g), (X,)) is None


def test_nothing_to_compare() -> None:
    square = function(*RIGHT_ONES["square"])
    assert gradient_error(square, (X.detach(),)) is None
    assert gradient_error(square, (torch.empty(0, 3, requires_grad=True),)) is None


def test_a_function_that_draws_random_numbers_draws_the_same_ones_each_time() -> None:
    noise: list[Tensor] = []

    def value(x: Tensor) -> Tensor:
        noise.append(torch.rand(x.shape))
        return x * noise[-1]

    found = gradient_error(function(value, lambda g, x: g * noise[-1]), (X,))
    assert found is not None and found.error < RIGHT
    assert all(torch.equal(drawn, noise[0]) for drawn in noise)


def test_the_scripts_random_numbers_and_its_tensors_stay_as_they_are() -> None:
    torch.manual_seed(5)
    before, values = torch.get_rng_state(), X.detach().clone()
    noisy = function(lambda x: x + torch.rand(1), lambda g, x: g)
    with torch.no_grad():
        gradient_error(noisy, (X,))
        assert not torch.is_grad_enabled()
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(X, values) and X.grad is None and X.dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.float64, torch.int64])
def test_a_function_that_counts_calls_keeps_the_scripts_count(dtype: torch.dtype) -> None:
    def value(x: Tensor, calls: Tensor) -> Tensor:
        calls.add_(1)
        return 2 * x

    calls = torch.zeros(1, dtype=dtype)
    gradient_error(function(value, lambda g, x, calls: (2 * g, None)), (X, calls))
    assert calls.item() == 0
