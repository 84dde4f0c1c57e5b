"""All pairs of scripts share one error rate: Holm's procedure against closed forms, and its error rate simulated."""

import sys
from itertools import combinations, takewhile
from math import exp, inf, isclose, log
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_rel

from descend.core.interval import mean_interval, student_p_value, student_quantile
from descend.doctor.compare.all_pairs import compare_all_pairs
from descend.doctor.prove.judgement import MARGIN, ChangeVerdict, judge
from descend.doctor.trials.statistics import LOOK

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
choice_errors = __import__("choice_errors")

ERROR = 1 - LOOK
ROUNDS = [range(5), range(5, 10)]
NOISE = [0.03, -0.05, 0.01, 0.04, -0.02, 0.05, -0.04, 0.02, -0.01, -0.03]
DIFFERENT = (ChangeVerdict.HELPS, ChangeVerdict.HARMS)


def costs_of(log_mean: float, scale: float = 1.0, shift: int = 0, seeds: int = 5) -> dict[int, float]:
    """Return costs by seed with a given mean logarithm for shift 0."""
    return {seed: exp(log_mean + scale * NOISE[(seed + shift) % len(NOISE)]) for seed in range(seeds)}


def log_ratios_with_p_value(p_value: float) -> list[float]:
    """Return five numbers whose mean differs from 0 with this p-value."""
    values = [-0.2, -0.1, 0.0, 0.1, 0.2]
    half = (mean_interval(values, 1 - p_value)[1] - mean_interval(values, 1 - p_value)[0]) / 2
    return [value + half for value in values]


@pytest.mark.parametrize("p_value", [0.5, 0.05, 0.001])
def test_the_p_value_is_that_at_which_the_interval_ends_at_zero(p_value):
    values = log_ratios_with_p_value(p_value)
    assert student_p_value(values) == pytest.approx(p_value)
    assert mean_interval(values, 1 - p_value)[0] == pytest.approx(0, abs=1e-9)


def test_the_p_value_of_equal_numbers():
    assert student_p_value([0.0, 0.0]) == 1 and student_p_value([0.1, 0.1]) == 0 and student_p_value([0.3]) == 1


def test_two_scripts_are_judged_as_by_prove():
    before, after = costs_of(0.0), costs_of(-0.3, shift=3)
    pairs = compare_all_pairs([before, after], ROUNDS[:1])
    assert pairs.judgement(0, 1) == judge(list(before.values()), list(after.values()))


def test_the_next_pair_gets_the_error_rate_of_a_decided_one():
    # The second p-value is above a third of the error rate, and below a half of it.
    first, second = log_ratios_with_p_value(ERROR / 30), log_ratios_with_p_value(ERROR / 2.5)[::-1]
    between = [other - one for one, other in zip(first, second)]
    assert student_p_value(between) > ERROR
    current, *scripts = ({seed: exp(-value) for seed, value in enumerate(row)} for row in ([0.0] * 5, first, second))
    pairs = compare_all_pairs([current, *scripts], ROUNDS[:1])
    assert pairs.is_better(1, 0) and pairs.is_better(2, 0)
    for pair, values, level in zip(
        [(1, 0), (2, 0), (2, 1)], [first, second, between], [1 - ERROR / 3, 1 - ERROR / 2, LOOK]
    ):
        low, high = mean_interval(values, level)
        assert pairs.judgement(*pair).difference == pytest.approx((exp(low) - 1, exp(high) - 1))


def test_a_pair_after_the_first_undecided_one_stays_undecided():
    # Both pairs are below the error rate, but the smaller p-value is above a third of it.
    values = log_ratios_with_p_value(ERROR / 2.5)
    current = dict.fromkeys(range(5), 1.0)
    script = {seed: exp(-value) for seed, value in enumerate(values)}
    pairs = compare_all_pairs([current, script, script], ROUNDS[:1])
    assert pairs.judgement(0, 1).verdict == pairs.judgement(0, 2).verdict == ChangeVerdict.UNDECIDED
    assert judge([1.0] * 5, list(script.values())).verdict == ChangeVerdict.HELPS
    assert pairs.judgement(1, 2).verdict == ChangeVerdict.EQUIVALENT


def test_a_difference_that_one_round_shows_stays_shown():
    current = {seed: 1.0 for seed in range(10)}
    script = {**costs_of(-0.2, scale=0.2), **{seed: 1.6 for seed in range(5, 10)}}
    first = compare_all_pairs([current, script], ROUNDS[:1]).judgement(0, 1)
    both = compare_all_pairs([current, script], ROUNDS).judgement(0, 1)
    assert judge([1.0] * 10, list(script.values())).verdict == ChangeVerdict.UNDECIDED
    assert both == first and both.verdict == ChangeVerdict.HELPS


def test_further_seeds_narrow_the_interval_of_a_decided_pair():
    scripts = [costs_of(0.0, seeds=10), costs_of(-0.5, shift=3, seeds=10)]
    first, both = (compare_all_pairs(scripts, rounds).judgement(0, 1).difference for rounds in (ROUNDS[:1], ROUNDS))
    assert first[0] < both[0] < both[1] < first[1] < 0


def test_a_script_without_further_seeds_is_compared_on_the_common_ones():
    scripts = [costs_of(0.0, seeds=10), costs_of(-0.01, shift=3, seeds=10), costs_of(1.0, shift=5)]
    pairs = compare_all_pairs(scripts, ROUNDS)
    assert pairs.is_better(0, 2) and pairs.is_better(1, 2)
    assert pairs.judgement(0, 1).verdict == ChangeVerdict.EQUIVALENT
    assert pairs.best == (1, 0) and pairs.ties(0) == (1,)


def test_a_script_without_runs_is_undecided_and_the_last_one():
    pairs = compare_all_pairs([costs_of(0.0), costs_of(0.2, shift=2), {}], ROUNDS[:1])
    assert pairs.judgement(0, 2).verdict == ChangeVerdict.UNDECIDED and pairs.judgement(0, 2).more_seeds is None
    assert pairs.best[-1] == 2


def test_the_interval_of_two_seeds_may_be_infinitely_wide():
    scripts = [{0: 1.0, 1: 1.0}, {0: 0.01, 1: 100.0}, {0: 1.0, 1: 1.0}, {0: 1.0, 1: 2.0}, {0: 3.0, 1: 1.0}]
    pairs = compare_all_pairs(scripts, [range(2)])
    assert pairs.judgement(0, 1).difference == pytest.approx((-1, inf))
    assert pairs.judgement(1, 0).difference == pytest.approx((-1, inf))


@given(st.lists(st.lists(st.floats(0.5, 2.0), min_size=5, max_size=5), min_size=2, max_size=4))
def test_both_directions_of_a_pair_agree(values):
    pairs = compare_all_pairs([dict(enumerate(row)) for row in values], ROUNDS[:1])
    opposite = {ChangeVerdict.HELPS: ChangeVerdict.HARMS, ChangeVerdict.HARMS: ChangeVerdict.HELPS}
    for i, j in combinations(range(len(values)), 2):
        one, other = pairs.judgement(i, j), pairs.judgement(j, i)
        assert other.verdict == opposite.get(one.verdict, one.verdict)
        assert isclose((1 + one.difference[0]) * (1 + other.difference[1]), 1)
        assert other.is_no_worse == (other.difference[1] <= MARGIN)
    assert set(pairs.best) <= set(range(len(values))) and pairs.best


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.floats(0.5, 2.0), min_size=5, max_size=5), min_size=2, max_size=5))
def test_the_pairs_with_a_difference_are_those_of_the_textbook_procedure(values):
    pairs = compare_all_pairs([dict(enumerate(row)) for row in values], ROUNDS[:1], margin=0)
    logs = [[log(value) for value in row] for row in values]
    p_values = {(i, j): ttest_rel(logs[i], logs[j]).pvalue for i, j in combinations(range(len(values)), 2)}
    assume(all(p > 0 for p in p_values.values()))  # The p-value of proportional costs is 0 or NaN.
    ordered = sorted(p_values, key=p_values.get)
    limits = [ERROR / (len(ordered) - number) for number in range(len(ordered))]
    rejected = [pair for pair, _ in takewhile(lambda known: p_values[known[0]] <= known[1], zip(ordered, limits))]
    assert {pair for pair, found in pairs.judgements.items() if found.verdict in DIFFERENT} == set(rejected)


@pytest.mark.parametrize("scripts", [2, 3, 4, 5, 6])
def test_equal_scripts_are_rarely_called_different(scripts):
    # The error rate is 5 %, and the standard deviation of the estimate is 1.5 %.
    assert choice_errors.family_error(scripts, comparisons=200, spread=0.3) <= 0.08


def test_a_gain_of_a_fifth_is_shown_with_five_to_ten_seeds():
    assert choice_errors.power(2, comparisons=100) >= 0.95
    assert choice_errors.power(6, comparisons=100) >= 0.8


def test_without_a_gain_none_is_shown():
    assert choice_errors.power(2, comparisons=100, gain=0.0) <= 0.08


def test_the_quantile_and_the_p_value_belong_together():
    values = [0.1, 0.3, 0.2]
    statistic = 0.2 / (0.1 / 3**0.5)
    assert student_quantile(2, 1 - student_p_value(values)) == pytest.approx(statistic)
