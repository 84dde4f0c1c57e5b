"""The quantile is the smallest value that a given share of the values does not exceed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from descend.core.quantile import quantile


@given(st.lists(st.integers(0, 9), min_size=1, max_size=50), st.floats(0, 1, exclude_min=True))
def test_the_quantile_inverts_the_empirical_distribution(values, share):
    found = quantile(sorted(values), share)
    assert sum(value < found for value in values) < share * len(values) <= sum(value <= found for value in values)


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.1, 1), (0.11, 2), (0.5, 5), (0.9, 9), (1.0, 10)])
def test_quantiles_of_ten_values(share, expected):
    assert quantile(range(1, 11), share) == expected
