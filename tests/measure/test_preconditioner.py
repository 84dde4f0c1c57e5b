"""The preconditioner P agrees with the steps of torch's optimizers: Δθ = -lr · momentum / P."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from descend.doctor.measure.preconditioner import preconditioner, relative_rates

State = dict[str, Any]
LR = 0.01


def mean(state: State, group: State, g: Tensor) -> Tensor:
    return state["exp_avg"] / (1 - group["betas"][0] ** float(state["step"]))


def plain(state: State, group: State, g: Tensor) -> Tensor:
    return g


def nesterov(state: State, group: State, g: Tensor) -> Tensor:
    """NAdam's mixture of this gradient and the running mean (Dozat 2016), with torch's schedule of μ."""
    beta1, psi, t = group["betas"][0], group["momentum_decay"], float(state["step"])
    now, after = (beta1 * (1 - 0.5 * 0.96 ** (k * psi)) for k in (t, t + 1))
    product = float(state["mu_product"])
    return (1 - now) / (1 - product) * g + after / (1 - product * after) * state["exp_avg"]


CLOSED: dict[str, tuple[Callable[..., Optimizer], Callable[[State, State, Tensor], Tensor]]] = {
    "Adam": (lambda p: torch.optim.Adam(p, LR), mean),
    "Adam, odd betas": (lambda p: torch.optim.Adam(p, LR, betas=(0.5, 0.9), eps=1e-3), mean),
    "Adam, amsgrad": (lambda p: torch.optim.Adam(p, LR, betas=(0.9, 0.5), amsgrad=True), mean),
    "AdamW": (lambda p: torch.optim.AdamW(p, LR, weight_decay=0.0), mean),
    "NAdam": (lambda p: torch.optim.NAdam(p, LR), nesterov),
    "RAdam": (lambda p: torch.optim.RAdam(p, LR, betas=(0.9, 0.99)), mean),
    "Adamax": (lambda p: torch.optim.Adamax(p, LR, eps=1e-2), mean),
    "RMSprop": (lambda p: torch.optim.RMSprop(p, LR), plain),
    "RMSprop, centred": (lambda p: torch.optim.RMSprop(p, LR, centered=True, eps=1e-3), plain),
    "Adagrad": (lambda p: torch.optim.Adagrad(p, LR, initial_accumulator_value=0.1), plain),
}


def gradients(count: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    scale = torch.tensor([1e-3, 0.1, 1.0, 30.0], dtype=torch.float64)
    return [torch.randn(4, generator=generator, dtype=torch.float64) * scale for _ in range(count)]


@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize("steps", [1, 2, 5, 6, 40])
def test_the_preconditioner_is_what_the_step_was_divided_by(name: str, steps: int) -> None:
    make, momentum = CLOSED[name]
    w = nn.Parameter(torch.zeros(4, dtype=torch.float64))
    optimizer = make([w])
    for g in gradients(steps):
        before, w.grad = w.detach().clone(), g.clone()
        optimizer.step()
    (scale,) = preconditioner(optimizer, [w])
    numerator = momentum(optimizer.state[w], optimizer.param_groups[0], g)
    torch.testing.assert_close(w.detach() - before, -LR * numerator / scale, rtol=1e-6, atol=1e-14)


def test_adadelta_on_a_steady_gradient() -> None:
    """Adadelta's numerator uses earlier steps: if the mean square is constant, P is that of the next step."""
    w = nn.Parameter(torch.zeros(4, dtype=torch.float64))
    optimizer = torch.optim.Adadelta([w], lr=LR)
    for g in gradients(5):
        w.grad = g.clone()
        optimizer.step()
    (scale,) = preconditioner(optimizer, [w])
    before, steady = w.detach().clone(), optimizer.state[w]["square_avg"].sqrt()
    w.grad = steady.clone()
    optimizer.step()
    torch.testing.assert_close(w.detach() - before, -LR * steady / scale, rtol=1e-6, atol=1e-14)


def test_sparse_adam() -> None:
    table = nn.Embedding(4, 2, sparse=True)
    optimizer = torch.optim.SparseAdam(list(table.parameters()), LR)
    before = table.weight.detach().clone()
    table(torch.arange(4)).mul(torch.tensor([1.0, 20.0])).sum().backward()
    optimizer.step()
    (scale,) = preconditioner(optimizer, [table.weight])
    state = optimizer.state[table.weight]
    torch.testing.assert_close(table.weight - before, -LR * state["exp_avg"] / 0.1 / scale, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    "make",
    [
        lambda p: torch.optim.SGD(p, LR),
        lambda p: torch.optim.SGD(p, LR, momentum=0.9),
        lambda p: torch.optim.Rprop(p, LR),
        lambda p: torch.optim.ASGD(p, LR),
        lambda p: torch.optim.Adafactor(p, LR),
    ],
)
def test_optimizers_without_a_diagonal_preconditioner(make) -> None:
    w = nn.Parameter(torch.ones(4, 3))
    optimizer = make([w])
    w.grad = torch.ones(4, 3)
    optimizer.step()
    assert preconditioner(optimizer, [w]) is None


@pytest.mark.parametrize("make", [torch.optim.Adam, torch.optim.Adagrad, torch.optim.RMSprop, torch.optim.Adamax])
def test_there_is_no_preconditioner_before_the_first_step(make) -> None:
    """Adagrad creates its sums before the first step, with zeros, which are not a preconditioner."""
    w = nn.Parameter(torch.ones(4))
    assert preconditioner(make([w]), [w]) is None


def test_no_optimizer_and_unknown_parameters() -> None:
    w, other = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    assert preconditioner(None, [w]) is None
    optimizer = torch.optim.Adam([w])
    w.grad = torch.ones(2)
    optimizer.step()
    assert preconditioner(optimizer, []) is None
    assert preconditioner(optimizer, [w, other]) is None
    assert 0 < preconditioner(optimizer, [w])[0].min() < 2


def test_relative_learning_rates_of_the_groups() -> None:
    a, b, c = (nn.Parameter(torch.ones(2)) for _ in range(3))
    optimizer = torch.optim.SGD([{"params": [a]}, {"params": [b, c], "lr": 0.5}], lr=0.1)
    assert relative_rates(optimizer, [c, a, b]) == pytest.approx([5, 1, 5])
    assert relative_rates(optimizer, [a]) is None
    optimizer.param_groups[1]["lr"] = torch.tensor(0.0)
    assert relative_rates(optimizer, [a, b]) == pytest.approx([1, 0])
    optimizer.param_groups[0]["lr"] = 0.0
    assert relative_rates(optimizer, [a, b]) is None
    assert relative_rates(None, [a]) is None
