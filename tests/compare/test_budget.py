"""How many runs of a search fit before a deadline."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from descend.core.errors import UsageError
from descend.doctor.compare.budget import ComparisonTime

counts = st.integers(1, 12)


@given(st.floats(0.1, 1000), counts, counts, counts, st.integers(2, 10), st.floats(1, 1e6), st.floats(0, 100))
def test_the_largest_number_that_fits_is_chosen(run_s, slots, searched, fixed, seeds, budget_s, used_s):
    time = ComparisonTime(run_s, slots, searched + fixed, searched, seeds, sequential=2)
    try:
        trials = time.fitting_trials(budget_s, used_s, 20)
    except UsageError:
        assert used_s + time.seconds(3) > budget_s
    else:
        assert 3 <= trials <= 20 and used_s + time.seconds(trials) <= budget_s
        assert trials == 20 or used_s + time.seconds(trials + 1) > budget_s


def test_the_time_includes_the_search_the_seeds_and_the_timed_runs():
    # On two slots: three waves for each run of the search for 5 choices, and 15 for 5 seeds of 6 scripts.
    assert ComparisonTime(2.0, 2, 5, 5, 5).seconds(3) == 2.0 * (3 * 3 + 15)
    assert ComparisonTime(2.0, 2, 5, 5, 5, sequential=2).seconds(3) == 2.0 * (3 * 3 + 15 + 2)
    assert ComparisonTime(2.0, 2, 5, 5, 5, repeated=20).seconds(3) == 2.0 * (3 * 3 + 10 + 15)
    assert ComparisonTime(2.0, 1, 2, 0, 5).seconds(8) == 2.0 * (2 + 15)  # Nothing is searched.


def test_without_a_deadline_the_wanted_number_fits():
    assert ComparisonTime(1e9, 1, 9, 9, 5).fitting_trials(inf, 7.0, 8) == 8


def test_a_budget_that_is_too_short_is_refused_with_the_needed_time():
    with pytest.raises(
        UsageError, match="--budget 56s is too short to compare 5 choices: it takes about 57 s"
    ) as refused:
        ComparisonTime(2.0, 2, 5, 5, 5).fitting_trials(56.0, 9.0, 8)
    assert "\n" not in str(refused.value)
    assert ComparisonTime(2.0, 2, 5, 5, 5).fitting_trials(57.0, 9.0, 8) == 3


def test_choices_without_settings_need_no_search():
    assert ComparisonTime(2.0, 1, 2, 0, 5).fitting_trials(34.0, 0.0, 8) == 8


def test_the_user_may_want_fewer_runs():
    assert ComparisonTime(2.0, 2, 2, 2, 2).fitting_trials(1000.0, 0.0, 1) == 1
