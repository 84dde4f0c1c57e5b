"""The table of batch, one-example and mini-batch descent measures what its columns say."""

import pytest
import torch

from descend.claims.claim import Tuned

from .programs import programs

[tradeoff] = programs("tradeoff")
WIDTH, CLASSES, FLOAT, LABEL = 64, 10, 4, 8  # bytes of a number and of a label


@pytest.fixture
def one_thread():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)  # The benchmark sets one.


@pytest.mark.parametrize("size", tradeoff.SIZES.values())
def test_what_is_kept_for_the_backward_pass_is_what_the_layers_need(size):
    layers = 3 * WIDTH * FLOAT  # the inputs and the outputs of both rectifiers, which are the next layers' inputs
    loss = CLASSES * FLOAT + LABEL  # log-probabilities and labels
    assert tradeoff.kept(size) == size * (layers + loss) + FLOAT  # and the sum of the examples' weights


def cells(row):
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_each_batch_size_makes_as_many_passes():
    steps = {name: recipe.steps * tradeoff.TASK.steps for name, _, recipe in tradeoff.recipes()}
    assert steps == pytest.approx({"all examples": 10, "32 examples": 370, "one example": 12_000})


@pytest.mark.slow
def test_more_steps_in_a_pass_give_a_lower_loss_and_take_longer(monkeypatch, one_thread):
    monkeypatch.setattr(tradeoff, "PASSES", 1)
    monkeypatch.setattr(tradeoff, "SEEDS", 2)
    monkeypatch.setattr(tradeoff, "tuned", lambda task, recipe, cost: Tuned(0.03, 0.03, 0.03))
    losses = {tuple(row[:2]): float(row[2].split()[0]) for row in map(cells, tradeoff.losses())}
    for schedule in ("0.03, constant", "0.03, annealed to 0"):
        assert losses["one example", schedule] < losses["32 examples", schedule] < losses["all examples", schedule]
    costs = {row[0]: row[1:] for row in map(cells, tradeoff.costs())}
    seconds = {name: float(row[1].split()[0]) for name, row in costs.items()}
    assert seconds["one example"] > seconds["all examples"]
    assert [row[3] for row in costs.values()] == ["no", "yes", "yes"]
