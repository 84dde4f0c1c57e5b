"""How many rows of a stored tensor the batches of a script take by a random index."""

import pytest
import torch
import torch.nn.functional as F
from moments import Training, kept, located
from torch import nn

from descend.doctor.instrumentation.tape_control import ANYTHING
from descend.doctor.measure.drawn_rows import drawn_rows
from descend.doctor.record import facts

X, Y = torch.randn(400, 5), torch.arange(400) % 3
Z = Y[:, None].repeat(1, 5)


def drawn(take, steps: int = 8) -> facts.DrawnRows | None:
    torch.manual_seed(0)
    net = nn.Linear(5, 3)

    def loss() -> torch.Tensor:
        x, y = take()
        return F.cross_entropy(net(x), y)

    training = Training(net, [loss] * steps, origin=located, interesting=ANYTHING)
    return kept(drawn_rows(training.snapshot())).fact(facts.DrawnRows)


def by(draw):
    def take():
        rows = draw()
        return X[rows], Y[rows]

    return take


def test_the_elements_of_an_example_are_one_draw():
    def take():
        rows = torch.randperm(400)[:16]
        return X[:80], Z[rows].flatten()

    assert drawn(take).draws == 128


def test_the_rows_of_all_batches_are_counted():
    assert drawn(by(lambda: torch.randint(400, (16,)))).distinct > 100
    few = drawn(by(lambda: torch.randint(16, (16,))))
    assert (few.of, few.draws) == (400, 128) and few.distinct <= 16
    assert drawn(by(lambda: torch.randperm(20)[:16])).distinct <= 20


@pytest.mark.parametrize("draw", [lambda: slice(16), lambda: torch.arange(16)], ids=["a slice", "a fixed index"])
def test_rows_that_are_not_drawn_are_not_counted(draw):
    assert drawn(by(draw)) is None


def test_the_rows_of_a_buffer_that_changes_are_not_counted():
    memory, labels = torch.zeros(400, 5), torch.zeros(400, dtype=torch.long)
    steps = iter(range(100))

    def take():
        step = next(steps)
        memory[step], labels[step] = 1.0 + step, step % 3
        rows = torch.randint(step + 1, (16,))
        return memory[rows], labels[rows]

    assert drawn(take) is None
