"""The figure of a condition: its interval, its answer, and the number of seeds that would decide."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from descend.claims.claim import Expected, Scale, above, below
from descend.claims.estimate import FIRST_SEEDS, MOST_SEEDS, Answer, estimate, seeds_of_second_round
from descend.core.interval import mean_interval
from descend.doctor.compare.targets import median_interval
from descend.doctor.trials.statistics import LOOK


def draws(mean: float, spread: float, count: int, seed: int = 0) -> list[tuple[float]]:
    generator = random.Random(seed)
    return [(generator.gauss(mean, spread),) for _ in range(count)]


def test_the_interval_of_a_value_is_students():
    measured = draws(0.3, 0.1, 8)
    found = estimate(Scale.VALUE, below(1.0), measured)
    assert (found.low, found.high) == mean_interval([value for (value,) in measured], LOOK)


def test_the_ratio_of_two_costs_is_a_geometric_mean():
    found = estimate(Scale.RATIO, below(1.0), [(1.0, 2.0), (2.0, 16.0)])
    assert found.centre == pytest.approx((1 / 2 * 1 / 8) ** 0.5)


def test_a_run_that_never_arrives_counts_as_infinitely_long_and_not_as_its_last_step():
    measured = [
        (400.0, 100.0),
        (math.inf, 100.0),
        (450.0, 100.0),
        (300.0, 100.0),
        (500.0, 100.0),
        (350.0, 100.0),
        (200.0, 100.0),
    ]
    found = estimate(Scale.STEPS, above(1.0), measured)
    assert (found.low, found.high) == median_interval([4.0, math.inf, 4.5, 3.0, 5.0, 3.5, 2.0], LOOK)
    assert found.high == math.inf and found.answer == Answer.HOLDS


@pytest.mark.parametrize(
    ("expected", "mean", "answer"),
    [
        (below(1.0), 0.5, Answer.HOLDS),
        (below(1.0), 0.99, Answer.FAILS),  # certainly not lower by 5 %
        (below(1.0), 1.5, Answer.FAILS),
        (above(2.0), 3.0, Answer.HOLDS),
        (above(2.0), 1.0, Answer.FAILS),
        (Expected(0.9, 1.1, relevant=0.0), 1.0, Answer.HOLDS),
        (Expected(0.9, 1.1, relevant=0.0), 1.3, Answer.FAILS),
    ],
)
def test_a_narrow_interval_decides(expected, mean, answer):
    assert estimate(Scale.VALUE, expected, draws(mean, 0.001, 8)).answer == answer


def test_a_wide_interval_decides_nothing_and_says_how_many_seeds_would():
    found = estimate(Scale.VALUE, below(1.0), draws(0.9, 0.5, 6))
    assert found.answer == Answer.UNDECIDED
    assert found.more_seeds > 0


def test_no_result_decides_nothing():
    assert estimate(Scale.RATIO, below(1.0), []).answer == Answer.UNDECIDED
    assert estimate(Scale.VALUE, below(1.0), [(0.5,)]).answer == Answer.UNDECIDED


@given(st.floats(0.2, 3.0), st.floats(0.001, 0.3), st.integers(0, 1000))
def test_an_answer_is_given_exactly_where_its_p_value_is_below_that_of_the_interval(mean, spread, seed):
    found = estimate(Scale.VALUE, below(1.0), draws(mean, spread, 9, seed))
    assert (found.answer != Answer.UNDECIDED) == (found.p_value <= (1 - LOOK) * (1 + 1e-9))


@given(st.floats(0.01, 2.0), st.integers(0, 1000))
def test_the_second_round_has_more_seeds_where_the_first_one_varies_more(spread, seed):
    few, many = (draws(1.0, factor * spread, FIRST_SEEDS, seed) for factor in (1, 2))
    seeds = [seeds_of_second_round(Scale.VALUE, below(1.0), each) for each in (few, many)]
    assert FIRST_SEEDS < seeds[0] <= seeds[1] <= MOST_SEEDS


def test_false_answers_are_as_rare_as_the_level_says():
    wrong = sum(
        estimate(Scale.VALUE, Expected(high=1.0, relevant=0.0), draws(1.0, 0.2, 6, seed)).answer != Answer.UNDECIDED
        for seed in range(2000)
    )
    assert wrong / 2000 == pytest.approx(1 - LOOK, abs=4 * math.sqrt(0.03 * 0.97 / 2000))
