"""The data on which claims are measured: fixed by their seed, learnable, and not read at training time."""

import pytest
import torch

from descend.claims.tasks import TASKS, Build
from descend.claims.training import Recipe, held_out_loss, of, trained, training, training_loss


@pytest.mark.parametrize("name", TASKS)
def test_the_examples_follow_from_the_seed(name):
    first, again, other = (TASKS[name].examples(seed) for seed in (3, 3, 4))
    assert torch.equal(first.x, again.x) and torch.equal(first.y, again.y)
    assert not torch.equal(first.x_out[: len(other.x_out)], other.x_out[: len(first.x_out)])


@pytest.mark.parametrize("name", TASKS)
def test_a_short_training_learns_something_that_holds_for_unseen_examples(name):
    task = TASKS[name]
    recipe = Recipe(optimizer=of(torch.optim.Adam), steps=0.2)
    before = next(training(task, recipe, 0.0, 0))
    assert held_out_loss(trained(task, recipe, 0.01, 0)) < 0.95 * held_out_loss(before)


@pytest.mark.parametrize("name", ["digits", "text", "table", "images"])
def test_the_network_is_built_as_requested(name):
    plain = TASKS[name].network(Build())
    built = TASKS[name].network(Build(depth=4, width=2, norm=True, dropout=0.5, activation=torch.nn.Tanh))
    kinds = [type(module).__name__ for module in built.modules()]
    assert sum(kind.startswith("BatchNorm") for kind in kinds) == kinds.count("Tanh") == kinds.count("Dropout") == 4
    assert sum(p.numel() for p in built.parameters()) > 2 * sum(p.numel() for p in plain.parameters())


def test_a_run_is_repeated_bit_for_bit():
    task, recipe = TASKS["table"], Recipe(steps=0.1)
    first, again = (trained(task, recipe, 0.05, 7) for _ in range(2))
    assert training_loss(first) == training_loss(again)


def test_wrong_labels_are_those_of_training_alone():
    right, wrong = (next(training(TASKS["digits"], Recipe(wrong=share), 0.0, 1)).data for share in (0.0, 0.5))
    assert torch.equal(right.y_out, wrong.y_out)
    assert (right.y != wrong.y).float().mean() == pytest.approx(0.45, abs=0.05)


def test_a_diverging_run_ends_early_with_a_large_loss():
    run = trained(TASKS["table"], Recipe(), 1e6, 0)
    assert run.step < run.total and training_loss(run) == 100.0
