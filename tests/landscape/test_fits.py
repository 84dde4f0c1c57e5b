"""Lines, exponents and ratios, compared with scipy and with known values."""

import math

import pytest
import torch
from scipy.stats import linregress

from descend.core.interval import ratio_interval, student_quantile
from descend.landscape.fits import fit_line, fit_power_law, fit_relative_line
from descend.landscape.spectrum import Estimate


def test_a_line_equals_that_of_scipy() -> None:
    x, y = [1.0, 2.0, 4.0, 7.0, 9.0], [2.1, 3.9, 8.3, 13.7, 18.4]
    found, known = fit_line(x, y), linregress(x, y)
    assert (found.intercept, found.slope) == pytest.approx((known.intercept, known.slope))
    assert found.covariance[0] ** 0.5 == pytest.approx(known.intercept_stderr)
    low, high = found.interval()
    assert high - low == pytest.approx(2 * student_quantile(3) * known.stderr)


def test_the_student_quantile_equals_the_table() -> None:
    assert student_quantile(3) == pytest.approx(3.182446) and student_quantile(10, 0.9) == pytest.approx(1.812461)


def test_an_exponent_and_its_error_follow_from_the_means() -> None:
    samples = {2.0: (0.9, 1.1), 4.0: (0.45, 0.55), 8.0: (0.225, 0.275)}
    found = fit_power_law(list(samples), list(map(Estimate, samples.values())))
    assert found.slope == pytest.approx(-1) and found.freedom == 3
    each = 0.1  # the standard error of each mean, as a fraction of the mean
    assert found.covariance[2] ** 0.5 == pytest.approx(each / (math.log(2) * 2**0.5))


@pytest.mark.slow
def test_the_interval_of_a_ratio_of_lines_covers_it() -> None:
    covered = 0
    x = [1 / size for size in (8, 16, 32, 64, 128, 256) for _ in range(3)]
    for seed in range(200):
        generator = torch.Generator().manual_seed(seed)
        noise = (0.15 * torch.randn(len(x), generator=generator)).exp().tolist()
        low, high = fit_relative_line(x, [50 * (1 + 40 * a) * e for a, e in zip(x, noise)]).ratio_interval()
        covered += low <= 40 <= high
    assert covered >= 180


def test_the_interval_of_an_exact_ratio_and_of_a_ratio_to_zero() -> None:
    assert ratio_interval(6.0, 2.0, (0.0, 0.0, 0.0), 2.0) == pytest.approx((3.0, 3.0))
    low, high = ratio_interval(6.0, 0.1, (0.01, 0.0, 1.0), 2.0)
    assert high == math.inf and 2 < low < 6
    assert ratio_interval(0.1, 0.1, (1.0, 0.0, 1.0), 2.0) == (0.0, math.inf)


@pytest.mark.parametrize("x, y", [([1.0, 2.0], [1.0, 2.0]), ([1.0, 1.0, 1.0], [1.0, 2.0, 3.0])])
def test_too_few_points_are_refused(x: list[float], y: list[float]) -> None:
    with pytest.raises(ValueError, match="3 points with 2 different x"):
        fit_line(x, y)


def test_values_that_are_not_positive_are_refused() -> None:
    with pytest.raises(ValueError, match="positive values"):
        fit_power_law([1.0, 2.0], [Estimate((0.0, 0.0)), Estimate((1.0, 2.0))])
    with pytest.raises(ValueError, match="not -1"):
        fit_relative_line([1.0, 2.0, 3.0], [1.0, -1.0, 2.0])
