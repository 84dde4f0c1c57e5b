import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from descend.doctor.observing.manual_updates import MEASURED, ManualUpdates
from descend.doctor.record import Fact, Record, facts

Step = Callable[[Tensor, int], None]


def descent(rate: float) -> Step:
    def step(w: Tensor, i: int) -> None:
        w -= rate * w.grad

    return step


def heavy_ball(w: Tensor, i: int) -> None:
    w.v = 0.9 * getattr(w, "v", torch.zeros(3)) + torch.tensor([1.0, -2.0, 3.0][i % 3 :] + [1.0, -2.0, 3.0][: i % 3])
    w -= 0.1 * w.v


def told(step: Step, *, clears: bool = True) -> list[Fact]:
    """Train a parabola by hand and return what is found out of it."""
    hand, found = ManualUpdates(owning=True), []
    w = torch.tensor([1.0, -2.0, 0.5], requires_grad=True)
    for i in range(MEASURED + 2):
        loss = (torch.tensor([1.0, 3.0, 9.0]) * w * w).sum()
        found += hand.look(loss)
        loss.backward()
        hand.filled()
        with torch.no_grad():
            step(w, i)
        if clears:
            w.grad = None
    return found


@pytest.mark.parametrize("clears", [True, False])
@pytest.mark.parametrize("rate", [0.0125, -0.0125])
def test_plain_gradient_descent_or_ascent_shows_its_rate_once(rate: float, clears: bool) -> None:
    (fact,) = told(descent(rate), clears=clears)
    record = Record()
    record.add(fact)
    optimizer = record.fact(facts.Optimizer, "0")
    assert (optimizer.rule, optimizer.parameters, optimizer.by_hand) == ("SGD", 3, True)
    assert math.isclose(optimizer.lr, 0.0125, rel_tol=1e-3) and optimizer.maximize is (rate < 0)


@pytest.mark.parametrize("step", [heavy_ball, descent(0.0)], ids=["momentum", "no step"])
def test_another_rule_is_not_taken_for_it(step: Step) -> None:
    assert told(step) == []
