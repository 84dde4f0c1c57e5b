"""The table of batch, one-example and mini-batch descent measures what its columns say."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
tradeoff = __import__("tradeoff")

WIDTH, CLASSES, FLOAT, LABEL = 64, 10, 4, 8  # bytes of a number and of a label


@pytest.fixture
def one_thread():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)  # the benchmark takes one


@pytest.mark.parametrize("size", tradeoff.SIZES.values())
def test_what_is_kept_for_the_backward_pass_is_what_the_layers_need(size):
    layers = 3 * WIDTH * FLOAT  # the inputs, and what either rectifier gives: each is the next layer's input, too
    loss = CLASSES * FLOAT + LABEL  # log-probabilities and labels
    assert tradeoff._kept(size) == size * (layers + loss) + FLOAT  # and the sum of the examples' weights


@pytest.mark.slow
def test_the_rows_compare_the_same_passes_over_the_data(monkeypatch, one_thread):
    monkeypatch.setattr(tradeoff, "PASSES", 2)
    monkeypatch.setattr(tradeoff, "SEEDS", 1)
    monkeypatch.setattr(tradeoff, "lr_grid", lambda high, low: [0.03])
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in tradeoff.rows()]
    assert {len(row) for row in rows} == {tradeoff.HEAD.splitlines()[0].count("|") - 1}
    batch, one, some = rows
    assert [row[0] for row in rows] == ["all examples", "one example", "32 examples"]
    for column in (1, 2):  # constant rate and annealed: the more steps in a pass, the farther down
        assert 0 < float(one[column]) < float(some[column]) < float(batch[column]) < 3
    for row, steps_in_a_pass in zip(rows, (1, tradeoff.TRAIN, 38)):
        assert float(row[3]) * float(row[4]) == pytest.approx(steps_in_a_pass, rel=0.1)  # both are rounded
    assert float(batch[4]) < float(one[4])  # seconds a pass: one by one takes the longest
    assert [row[6] for row in rows] == ["no", "yes", "yes"]


def test_a_grid_s_best_rate_is_the_one_that_counts(monkeypatch, one_thread):
    monkeypatch.setattr(tradeoff, "SIZES", {"32 examples": 32})
    monkeypatch.setattr(tradeoff, "PASSES", 1)
    monkeypatch.setattr(tradeoff, "SEEDS", 2)
    losses = {}
    for grid in ([0.1], [0.001], [0.001, 0.1]):
        monkeypatch.setattr(tradeoff, "lr_grid", lambda high, low, grid=grid: grid)
        losses[tuple(grid)] = [float(loss) for loss in next(tradeoff.rows()).split("|")[2:4]]
    assert losses[0.001, 0.1] == losses[0.1,]
    assert all(better < worse for better, worse in zip(losses[0.1,], losses[0.001,]))
