"""The search for a learning rate, with as many runs for both sides of a comparison."""

import math

import pytest

from descend.claims.tuning import SEEDS, TRIALS, tune


@pytest.mark.parametrize("best", [1e-4, 0.003, 0.1, 2.0])
@pytest.mark.parametrize("start", [0.001, 0.1])
def test_the_best_rate_is_found_within_a_factor_of_two(best, start):
    found = tune(lambda lr, seed: 1 + math.log(lr / best) ** 2, start)
    assert best / 2 <= found.lr <= 2 * best
    assert found.low <= found.lr <= found.high


def test_a_rate_that_diverges_with_one_of_the_seeds_is_not_chosen():
    assert tune(lambda lr, seed: 1000.0 if lr > 0.05 and seed % 2 else 1 / lr, 0.01).lr <= 0.05


def test_each_search_has_the_same_number_of_runs():
    runs = []
    tune(lambda lr, seed: runs.append(lr) or 1 + math.log(lr) ** 2, 1e-3)
    assert len(runs) == TRIALS * SEEDS
