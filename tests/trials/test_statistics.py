"""When a comparison counts as a win."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from descend.core.interval import mean_interval
from descend.doctor.trials.statistics import LARGER_MINIMUM_EFFECT, MINIMUM_EFFECT, compare, shows_gain

costs = st.floats(1e-3, 1e3)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12))
def test_the_interval_is_students_t(values):
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


def test_a_small_but_certain_gain_does_not_win():
    before = [1.0, 1.1, 0.9, 1.0, 1.05]
    assert not compare(before, [v * (1 - MINIMUM_EFFECT / 2) for v in before]).wins()


def test_a_gain_on_some_seeds_only_does_not_win():
    assert not compare([1.0] * 5, [0.1, 1.0, 1.2, 0.9, 1.1]).wins()


def test_more_seeds_decide_a_large_but_uncertain_gain():
    before, after = [1.0, 0.1, 1.0, 0.12, 0.9], [0.05, 0.05, 0.06, 0.05, 0.06]
    first = compare(before, [0.01, 0.1, 0.02, 0.3, 0.5])
    assert first.is_open() and not first.wins()
    assert not compare(before * 2, after * 2).is_open() and compare(before * 2, after * 2).wins()
    assert not compare([1.0] * 5, [1.0, 0.9, 1.1, 1.0, 1.05]).is_open()  # There is no gain.


def test_diverged_runs_count_as_bad_and_not_as_missing():
    result = compare([math.nan, math.inf, 2.0, math.nan, 2.2], [0.1, 0.11, 0.1, 0.12, 0.1])
    assert result.wins() and result.before == math.inf and math.isfinite(result.after)
    assert not compare([1.0] * 5, [0.1, 0.1, 0.1, 0.1, math.nan]).wins()


def test_a_rare_divergence_prevents_the_win_of_a_remedy_that_helps_on_all_other_seeds():
    often = compare([2.3] * 10, [0.03] * 9 + [101.0])
    assert often.is_typical_win() and often.after > often.before and not often.wins()
    assert compare([2.3] * 10, [0.03] * 9 + [0.3]).wins()
    assert not compare([2.3] * 10, [0.03] * 9 + [math.nan]).wins()


def test_a_diverged_baseline_loses_to_a_vanishing_cost():
    assert compare([math.inf] * 5, [1e-14, 2e-14, 1e-14, 1e-13, 1e-14]).wins()


@pytest.mark.parametrize("after", [[0.02, 0.0, 0.02, 0.0, 0.04], [0.0, 0.02, 0.02, 0.04, 0.02], [0.0] * 5])
def test_a_seed_with_a_cost_of_zero_does_not_hide_the_common_gain(after):
    result = compare([0.53, 0.57, 0.6, 0.6, 0.55], after)
    assert result.wins() and result.gain[1] > 0.9
    assert not compare([0.0, 0.0, 0.5, 0.0, 0.0], [0.0] * 5).wins()
    assert not compare(after, after).wins() and not compare(after, [0.53, 0.57, 0.6, 0.6, 0.55]).wins()


def test_a_cost_has_no_negative_interval():
    assert compare([1.0] * 5, [0.01, 0.5, 0.02, 0.9, 0.01]).interval[0] >= 0


def test_screening_requires_the_minimum_effect():
    assert shows_gain(1.0, 0.8) and not shows_gain(1.0, 0.81)
    assert shows_gain(math.nan, 5.0) and not shows_gain(1.0, math.nan)
    assert shows_gain(1e-11, 0.0) and not shows_gain(1e-12, 0.0) and not shows_gain(0.0, 0.0)


def test_a_longer_training_has_to_gain_more():
    assert compare([1.0] * 5, [0.6] * 5).wins() and not compare([1.0] * 5, [0.6] * 5).wins(LARGER_MINIMUM_EFFECT)
    assert compare([1.0] * 5, [0.4] * 5).wins(LARGER_MINIMUM_EFFECT)
    assert (
        shows_gain(1.0, 0.5, LARGER_MINIMUM_EFFECT)
        and not shows_gain(1.0, 0.51, LARGER_MINIMUM_EFFECT)
        and shows_gain(1.0, 0.51)
    )


def test_a_single_pair_has_no_interval():
    result = compare([1.0], [0.1])
    assert (result.before, result.after) == (1.0, 0.1)
    assert all(map(math.isnan, (*result.interval, *result.difference, *result.gain)))


def test_the_interval_of_the_gain_decides():
    """The spread over seeds affects the mean, so its interval may contain costs of the unchanged script."""
    before, after = [0.5, 5.0, 50.0, 1.0, 10.0], [0.05, 0.6, 4.0, 0.09, 1.2]
    result = compare(before, after)
    assert result.wins() and result.gain[0] > 0.8
    assert result.interval[0] == 0.0 and result.interval[1] > min(before)
