"""The steps to the current setting's final metric: first touches, censored misses, and the interval of the median."""

from math import comb, inf, isinf, isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import default_rng

from descend.doctor.assess.logged_metric import LoggedMetric
from descend.doctor.compare.targets import MEDIAN_LEVEL, first_step, logging_steps, median_interval, steps_to_target
from descend.doctor.prove.metric import ComparedMetric
from descend.doctor.prove.result import ComparedRun
from descend.doctor.record import Series

LOSS = ComparedMetric("held_out", "loss", "")
ACCURACY = ComparedMetric("metric", "accuracy", "", LoggedMetric("accuracy", "share", rises=True))
TRAINING = ComparedMetric("training", "loss", "")
STEPS = (10, 20, 30, 40)


def run_of(*values: float, steps: tuple[int, ...] = STEPS) -> ComparedRun:
    """Return a run with a metric that has these values."""
    return ComparedRun(1, 0, values[-1], values[-1], steps[-1], 0.01, None, Series(steps[: len(values)], values))


CURRENT = run_of(4.0, 3.0, 2.0, 1.0)


def test_the_ratio_is_that_of_the_first_steps_with_the_final_value():
    target = steps_to_target([(CURRENT, run_of(2.0, 1.0, 0.9, 0.8))], LOSS)
    assert (target.ratios, target.missed, target.median_ratio) == ((0.5,), 0, 0.5)


def test_a_metric_that_is_logged_only_at_the_end_gives_no_steps():
    once = run_of(0.8, steps=(40,))
    target = steps_to_target([(once, once)] * 5, ACCURACY)
    assert (target.ratios, target.missed) == ((), 0) and isnan(target.interval[0])


def test_the_resolution_is_the_longest_time_between_two_values():
    assert logging_steps([CURRENT, run_of(4.0, 1.0, steps=(10, 40))]) == 30
    assert logging_steps([run_of(0.8, steps=(40,))]) == 0


def test_a_metric_that_rises_is_reached_from_below():
    target = steps_to_target([(run_of(0.1, 0.5, 0.6, 0.8), run_of(0.85, 0.9, 0.9, 0.9))], ACCURACY)
    assert target.ratios == (0.25,)


def test_a_value_that_is_left_again_counts_as_reached():
    assert steps_to_target([(CURRENT, run_of(1.0, 5.0, 5.0, 5.0))], LOSS).ratios == (0.25,)


def test_the_current_setting_too_reaches_its_value_at_the_first_step_that_has_it():
    # Its metric becomes worse again: it is compared with the step at which it was as good as at the end.
    assert steps_to_target([(run_of(4.0, 0.5, 0.8, 1.0), run_of(4.0, 4.0, 4.0, 1.0))], LOSS).ratios == (2.0,)


def test_the_same_runs_have_the_ratio_one():
    assert steps_to_target([(CURRENT, CURRENT)] * 3, LOSS).ratios == (1.0, 1.0, 1.0)


def test_a_miss_has_no_ratio_and_makes_the_upper_limit_infinite():
    missing, reaching = run_of(2.0, 1.5, 1.2, 1.1), run_of(2.0, 1.0, 1.0, 1.0)
    target = steps_to_target([(CURRENT, reaching)] * 4 + [(CURRENT, missing)], LOSS)
    assert target.ratios == (0.5,) * 4 and target.missed == 1
    assert target.interval == (0.5, inf) and target.median_ratio == 0.5
    assert steps_to_target([(CURRENT, missing)] * 5, LOSS).median_ratio == inf


def test_a_miss_is_not_replaced_by_the_length_of_the_run():
    missing = run_of(2.0, 1.5, 1.2, 1.1)
    assert isinf(steps_to_target([(CURRENT, missing)] * 5, LOSS).interval[0])


@pytest.mark.parametrize("diverged", [run_of(4.0, nan, nan, nan), run_of(4.0, 5.0, inf, inf)])
def test_a_run_that_diverges_misses_the_target_and_gives_none(diverged):
    assert steps_to_target([(CURRENT, diverged)], LOSS).missed == 1
    target = steps_to_target([(diverged, CURRENT)], LOSS)
    assert (target.ratios, target.missed) == ((), 0) and isnan(target.median_ratio)


def test_single_training_losses_are_averaged_so_that_noise_does_not_reach_the_target():
    steps = tuple(range(1, 101))
    # The mean of the last ten losses of the current setting is 1. Single losses of the other choice are far lower.
    current = run_of(*([3.0] * 90), *([0.5, 1.5] * 5), steps=steps)
    noisy = run_of(*([0.1, 3.9] * 45), *([0.5, 1.0] * 5), steps=steps)
    target = steps_to_target([(current, noisy)], TRAINING)
    assert target.ratios[0] == pytest.approx(1, abs=0.1)


def test_the_interval_of_five_values_is_their_range_and_fewer_have_none():
    assert median_interval([3.0, 1.0, 2.0, 5.0, 4.0]) == (1.0, 5.0)
    assert all(map(isnan, median_interval([3.0, 1.0, 2.0, 5.0]))) and all(map(isnan, median_interval([])))


@given(st.lists(st.one_of(st.floats(0, 10), st.just(inf)), min_size=5, max_size=40))
def test_the_interval_is_the_narrowest_of_the_sign_test(values):
    ascending, number = sorted(values), len(values)
    coverage = [
        1 - 2 * sum(comb(number, i) for i in range(left_out + 1)) / 2**number for left_out in range(number // 2)
    ]
    left_out = max(k for k, level in enumerate(coverage) if level >= MEDIAN_LEVEL)
    assert median_interval(values) == (ascending[left_out], ascending[number - 1 - left_out])


def test_the_interval_covers_the_median_as_often_as_it_should():
    random = default_rng(0)
    for number in (5, 8, 10):
        intervals = [median_interval(list(random.exponential(1, number))) for _ in range(1000)]
        assert sum(low <= 0.6931 <= high for low, high in intervals) / 1000 >= MEDIAN_LEVEL - 0.025


@given(st.lists(st.floats(0, 4), min_size=1, max_size=20), st.floats(0, 4))
def test_the_first_step_is_the_first_one_as_good_as_the_value(values, target):
    curve = Series(tuple(range(1, len(values) + 1)), tuple(values))
    step = first_step(curve, target, rises=False)
    assert all(value > target for value in values[: len(values) if isinf(step) else int(step) - 1])
    assert isinf(step) or values[int(step) - 1] <= target
    opposite = Series(curve.steps, tuple(-value for value in values))
    assert first_step(opposite, -target, rises=True) == step
