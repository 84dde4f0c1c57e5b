"""What counts as a win."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from descend.doctor.trials.statistics import EASY_GAIN, LEAST_GAIN, compare, promising
from descend.ground.interval import mean_interval

costs = st.floats(1e-3, 1e3)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12))
def test_the_interval_is_students(values):
    low, high = mean_interval(values)
    expected = stats.t.interval(0.95, len(values) - 1, loc=sum(values) / len(values), scale=stats.sem(values) or 1e-300)
    assert low == pytest.approx(expected[0], rel=1e-6, abs=1e-6)
    assert high == pytest.approx(expected[1], rel=1e-6, abs=1e-6)


@given(st.lists(costs, min_size=5, max_size=5))
def test_no_change_never_wins(before):
    assert not compare(before, before).wins()


@given(st.lists(costs, min_size=5, max_size=5))
def test_a_clear_gain_on_every_seed_wins_and_its_reverse_does_not(before):
    after = [v / 3 for v in before]
    assert compare(before, after).wins()
    assert not compare(after, before).wins()


def test_a_small_gain_does_not_win_however_sure():
    before = [1.0, 1.1, 0.9, 1.0, 1.05]
    assert not compare(before, [v * (1 - LEAST_GAIN / 2) for v in before]).wins()


def test_a_gain_on_some_seeds_only_does_not_win():
    assert not compare([1.0] * 5, [0.1, 1.0, 1.2, 0.9, 1.1]).wins()


def test_a_large_gain_that_is_not_sure_yet_is_open_and_settled_by_more_seeds():
    before, after = [1.0, 0.1, 1.0, 0.12, 0.9], [0.05, 0.05, 0.06, 0.05, 0.06]
    first = compare(before, [0.01, 0.1, 0.02, 0.3, 0.5])
    assert first.is_open() and not first.wins()
    assert not compare(before * 2, after * 2).is_open() and compare(before * 2, after * 2).wins()
    assert not compare([1.0] * 5, [1.0, 0.9, 1.1, 1.0, 1.05]).is_open()  # nothing to be had


def test_diverged_arms_count_as_bad_not_as_missing():
    result = compare([math.nan, math.inf, 2.0, math.nan, 2.2], [0.1, 0.11, 0.1, 0.12, 0.1])
    assert result.wins() and result.before == math.inf and math.isfinite(result.after)
    assert not compare([1.0] * 5, [0.1, 0.1, 0.1, 0.1, math.nan]).wins()


def test_a_diverged_baseline_loses_to_a_vanishing_cost():
    assert compare([math.inf] * 5, [1e-14, 2e-14, 1e-14, 1e-13, 1e-14]).wins()


@pytest.mark.parametrize("after", [[0.02, 0.0, 0.02, 0.0, 0.04], [0.0, 0.02, 0.02, 0.04, 0.02], [0.0] * 5])
def test_a_seed_without_any_mistake_does_not_hide_what_all_of_them_gain(after):
    result = compare([0.53, 0.57, 0.6, 0.6, 0.55], after)
    assert result.wins() and result.gain[1] > 0.9
    assert not compare([0.0, 0.0, 0.5, 0.0, 0.0], [0.0] * 5).wins()
    assert not compare(after, after).wins() and not compare(after, [0.53, 0.57, 0.6, 0.6, 0.55]).wins()


def test_a_cost_has_no_negative_interval():
    assert compare([1.0] * 5, [0.01, 0.5, 0.02, 0.9, 0.01]).interval[0] >= 0


def test_screening_asks_for_the_least_gain():
    assert promising(1.0, 0.8) and not promising(1.0, 0.81)
    assert promising(math.nan, 5.0) and not promising(1.0, math.nan)
    assert promising(1e-11, 0.0) and not promising(1e-12, 0.0) and not promising(0.0, 0.0)


def test_training_longer_has_to_gain_more():
    assert compare([1.0] * 5, [0.6] * 5).wins() and not compare([1.0] * 5, [0.6] * 5).wins(EASY_GAIN)
    assert compare([1.0] * 5, [0.4] * 5).wins(EASY_GAIN)
    assert promising(1.0, 0.5, EASY_GAIN) and not promising(1.0, 0.51, EASY_GAIN) and promising(1.0, 0.51)


def test_of_a_single_pair_no_interval_is_known():
    result = compare([1.0], [0.1])
    assert (result.before, result.after) == (1.0, 0.1)
    assert all(map(math.isnan, (*result.interval, *result.difference, *result.gain)))


def test_the_interval_of_the_gain_is_what_a_win_rests_on():
    """The mean after spreads as the seeds do: its own interval may hold costs of the unchanged script's."""
    before, after = [0.5, 5.0, 50.0, 1.0, 10.0], [0.05, 0.6, 4.0, 0.09, 1.2]
    result = compare(before, after)
    assert result.wins() and result.gain[0] > 0.8
    assert result.interval[0] == 0.0 and result.interval[1] > min(before)
