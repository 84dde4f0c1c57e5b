"""The verdict on pairs of costs: against closed forms, by symmetry, and the error rate over many null comparisons."""

from math import inf, isclose, log, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import default_rng

from descend.core.interval import student_quantile
from descend.doctor.prove.judgement import MARGIN, ChangeVerdict, judge
from descend.doctor.trials.statistics import LOOK

COSTS = st.lists(st.floats(0.5, 2.0), min_size=2, max_size=12)
BEFORE = [1.0, 1.1, 0.9, 1.05, 0.95]


def test_costs_that_are_lower_on_every_seed_show_that_the_change_helps():
    judged = judge(BEFORE, [cost * factor for cost, factor in zip(BEFORE, [0.5, 0.52, 0.48, 0.51, 0.49])])
    assert judged.verdict == ChangeVerdict.HELPS and judged.is_no_worse
    assert -0.55 < judged.difference[0] < judged.difference[1] < -0.45


def test_costs_that_are_higher_on_every_seed_show_that_the_change_harms():
    judged = judge(BEFORE, [cost * factor for cost, factor in zip(BEFORE, [1.5, 1.52, 1.48, 1.51, 1.49])])
    assert judged.verdict == ChangeVerdict.HARMS and not judged.is_no_worse


def test_a_small_difference_with_a_narrow_interval_is_equivalent():
    judged = judge(BEFORE, [cost * factor for cost, factor in zip(BEFORE, [1.01, 0.99, 1.02, 1.0, 0.98])])
    assert judged.verdict == ChangeVerdict.EQUIVALENT and judged.is_no_worse


def test_equal_costs_are_equivalent():
    assert judge(BEFORE, BEFORE).verdict == ChangeVerdict.EQUIVALENT


@pytest.mark.parametrize("lost", [inf, nan])
def test_runs_that_diverge_with_the_change_show_that_it_harms(lost):
    assert judge(BEFORE, [lost] * 5).verdict == ChangeVerdict.HARMS


def test_a_change_whose_mean_contradicts_the_typical_seed_is_undecided():
    costs = [2.3] * 10, [0.03] * 9 + [101.0]
    for one, other in (costs, costs[::-1]):
        judged = judge(one, other)
        assert judged.verdict == ChangeVerdict.UNDECIDED and judged.reason
        assert judged.more_seeds is None and not judged.is_no_worse


def test_the_interval_is_that_of_the_t_distribution_on_the_log_ratios():
    # Two ratios e^0.1 and e^0.3: mean 0.2, standard error 0.1.
    judged = judge([1.0, 1.0], [1.1051709180756477, 1.3498588075760032])
    half = 0.1 * student_quantile(1, LOOK)
    assert [log(1 + end) for end in judged.difference] == pytest.approx([0.2 - half, 0.2 + half])


def test_the_number_of_further_seeds_decides_if_mean_and_spread_stay_the_same():
    after = [cost * factor for cost, factor in zip(BEFORE, [0.4, 1.5, 0.9, 0.6, 1.1])]
    judged = judge(BEFORE, after)
    assert judged.verdict == ChangeVerdict.UNDECIDED and judged.more_seeds is not None
    copies = -(-(judged.more_seeds + 5) // 5)
    assert judge(BEFORE * (copies + 1), after * (copies + 1)).verdict != ChangeVerdict.UNDECIDED


def test_a_higher_level_needs_stronger_evidence():
    after = [cost * factor for cost, factor in zip(BEFORE, [0.7, 0.8, 0.6, 0.9, 0.75])]
    usual, higher = judge(BEFORE, after), judge(BEFORE, after, level=1 - (1 - LOOK) / 10)
    assert usual.verdict == ChangeVerdict.HELPS
    assert higher.difference[0] < usual.difference[0] < usual.difference[1] < higher.difference[1]


@given(COSTS, st.randoms(use_true_random=False))
def test_exchanging_the_scripts_exchanges_the_verdict(before, random):
    after = [cost * random.uniform(0.5, 1.5) for cost in before]
    one, other = judge(before, after), judge(after, before)
    exchanged = {ChangeVerdict.HELPS: ChangeVerdict.HARMS, ChangeVerdict.HARMS: ChangeVerdict.HELPS}
    assert other.verdict == exchanged.get(one.verdict, one.verdict)
    assert isclose((1 + one.difference[0]) * (1 + other.difference[1]), 1, rel_tol=1e-9)


def test_equal_scripts_are_rarely_called_different():
    # 4 000 comparisons of scripts that differ by chance alone, in two rounds of five seeds as the command makes them.
    random = default_rng(0)
    wrong = 0
    for _ in range(4000):
        before, after = (list(random.lognormal(0, 0.3, 10)) for _ in range(2))
        first = judge(before[:5], after[:5])
        last = judge(before, after) if first.verdict == ChangeVerdict.UNDECIDED else first
        wrong += last.verdict in (ChangeVerdict.HELPS, ChangeVerdict.HARMS)
    assert wrong / 4000 <= 0.06  # 5 %, and a standard deviation of 0.35 %


def test_the_margin_is_symmetric_on_a_logarithmic_scale():
    slightly_better = [cost / (1 + 0.99 * MARGIN) for cost in BEFORE]
    slightly_worse = [cost * (1 + 0.99 * MARGIN) for cost in BEFORE]
    for after in (slightly_better, slightly_worse):
        assert judge(BEFORE, after).verdict == ChangeVerdict.EQUIVALENT
