import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from descend.doctor.instrumentation.manual_updates import MEASURED, ManualUpdates
from descend.doctor.record import Fact, Record, facts

Step = Callable[[Tensor, int], None]


def descent(rate: float) -> Step:
    def step(w: Tensor, i: int) -> None:
        w -= rate * w.grad

    return step


def heavy_ball(w: Tensor, i: int) -> None:
    w.v = 0.9 * getattr(w, "v", torch.zeros(3)) + torch.tensor([1.0, -2.0, 3.0][i % 3 :] + [1.0, -2.0, 3.0][: i % 3])
    w -= 0.1 * w.v


def reported_facts(step: Step, *, clears: bool = True) -> list[Fact]:
    """Train a parabola by hand and return the reported facts."""
    manual, found = ManualUpdates(owns_run=True), []
    w = torch.tensor([1.0, -2.0, 0.5], requires_grad=True)
    for i in range(MEASURED + 2):
        loss = (torch.tensor([1.0, 3.0, 9.0]) * w * w).sum()
        found += manual.before_backward(loss)
        loss.backward()
        manual.after_backward()
        with torch.no_grad():
            step(w, i)
        if clears:
            w.grad = None
    return found


@pytest.mark.parametrize("clears", [True, False])
@pytest.mark.parametrize("rate", [0.0125, -0.0125])
def test_plain_gradient_descent_or_ascent_is_reported_once_with_its_learning_rate(rate: float, clears: bool) -> None:
    (fact,) = reported_facts(descent(rate), clears=clears)
    record = Record()
    record.add(fact)
    optimizer = record.fact(facts.Optimizer, "0")
    assert (optimizer.rule, optimizer.parameters, optimizer.by_hand) == ("SGD", 3, True)
    assert math.isclose(optimizer.lr, 0.0125, rel_tol=1e-3) and optimizer.maximize is (rate < 0)


@pytest.mark.parametrize("step", [heavy_ball, descent(0.0)], ids=["momentum", "no step"])
def test_other_update_rules_are_not_reported_as_gradient_descent(step: Step) -> None:
    assert reported_facts(step) == []
