import pytest
import torch
from moments import kept
from torch import nn

from descend.doctor.measure.wiring import (
    LISTED,
    carries_gradient,
    describe_optimizer,
    gradients_held,
    unusual_arguments,
    wiring,
)
from descend.doctor.record import Observed, facts


def test_the_fact_wiring_contains_all_arguments() -> None:
    found = kept(wiring("1", 3, (True, False, 2), (["a"] * (LISTED + 5), ["b"], ["c"], True), ["drop"], (False, 2, 7)))
    told = facts.Wiring(
        gradients_cleared=True,
        gradients_wiped=False,
        unheld=("a",) * LISTED,
        unheld_count=LISTED + 5,
        unreached=("b",),
        evaluation_mode=("drop",),
        is_fed=False,
        with_gradient=2,
        held=7,
        replaced=("c",),
        rewritten=True,
        lost=2,
    )
    assert found.history(facts.Wiring, "1") == [Observed(3, told)]


def test_a_script_that_steps_by_hand_has_no_optimizer_whose_gradients_are_counted() -> None:
    found = kept(wiring("0", 0, (False, True, 0), ([], [], [], False), [], None)).fact(facts.Wiring, "0")
    assert (found.with_gradient, found.held) == (None, None)


def test_how_many_parameters_have_a_gradient() -> None:
    a, b = nn.Linear(3, 2), nn.Linear(3, 2)
    optimizer = torch.optim.SGD([{"params": a.parameters()}, {"params": b.parameters(), "lr": 1.0}], lr=0.1)
    assert gradients_held(optimizer) == (0, 4)
    a(torch.ones(1, 3)).sum().backward()
    assert gradients_held(optimizer) == (2, 4)
    b(torch.ones(1, 3)).sum().mul(0).backward()
    assert gradients_held(optimizer) == (4, 4)  # a gradient of zeros is a gradient
    optimizer.zero_grad()
    assert gradients_held(optimizer) == (0, 4)


def test_nonzero_gradients_are_found() -> None:
    net = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    assert not carries_gradient(net.parameters())
    net(torch.ones(1, 3)).sum().backward()
    assert carries_gradient(net.parameters())
    optimizer.zero_grad(set_to_none=False)
    assert not carries_gradient(net.parameters())
    net.bias.grad[0] = float("nan")
    assert carries_gradient(net.parameters())
    optimizer.zero_grad()
    assert not carries_gradient(net.parameters())


def test_nonzero_sparse_gradients_are_found() -> None:
    table = nn.Embedding(5, 2, sparse=True)
    table(torch.tensor([1, 1])).sum().backward()
    assert carries_gradient(table.parameters())
    table.weight.grad = torch.sparse_coo_tensor(torch.zeros(1, 0, dtype=torch.long), torch.zeros(0, 2), (5, 2))
    assert not carries_gradient(table.parameters())


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), {"class": "SGD", "momentum": 0.9, "nesterov": False}),
        (lambda p: torch.optim.Adam(p, lr=torch.tensor(0.01)), {"class": "Adam", "betas": [0.9, 0.999]}),
        (lambda p: torch.optim.Rprop(p, lr=0.01), {"class": "Rprop", "step_sizes": [1e-6, 50.0]}),
        (lambda p: torch.optim.LBFGS(p), {"class": "LBFGS", "line_search_fn": None}),
        (lambda p: torch.optim.Adafactor(p), {"class": "Adafactor", "d": 1.0}),
    ],
)  # fmt: skip
def test_optimizers_are_described_by_plain_values(make, expected: dict) -> None:
    net = nn.Linear(3, 2)
    detail = describe_optimizer(make(list(net.parameters())))
    assert detail.items() >= expected.items()
    assert detail["parameters"] == 8 and detail["groups"] == 1
    usual = detail.pop("unusual")
    assert usual == ({"momentum": 0} if detail["class"] == "SGD" else {})
    assert all(isinstance(v, bool | int | float | str | list | None) for v in detail.values())
    assert detail["lr"] == pytest.approx({"SGD": 0.1, "LBFGS": 1.0}.get(detail["class"], 0.01))


def test_arguments_that_differ_from_the_defaults() -> None:
    make = torch.optim.Adam(nn.Linear(2, 2).parameters(), lr=1.0, betas=(0.9, 0.5), eps=1e-8, amsgrad=True)
    assert unusual_arguments(make) == {"betas": (0.9, 0.999), "amsgrad": False}


def test_several_groups() -> None:
    a, b = nn.Linear(2, 2), nn.Linear(2, 1)
    groups = [{"params": a.parameters()}, {"params": b.parameters(), "lr": 1.0}]
    detail = describe_optimizer(torch.optim.SGD(groups, lr=0.5))
    assert (detail["groups"], detail["lr"], detail["parameters"]) == (2, 0.5, 9)
