"""Values over one or two axes: which grid points are computed, and what is drawn between them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import RegularGridInterpolator

from descend.core.grid import COARSE, FINEST, Grid
from descend.core.scale import choose_scale

SQUARE = ((-1.0, 1.0), (-1.0, 1.0))


def filled(function, points: int, ranges=SQUARE, known=None) -> tuple[Grid, list]:
    grid, asked = Grid(ranges, dict(known or {})), []
    for place in grid.points_to_compute(points):
        asked.append(place)
        grid.values[place] = function(*grid.position(place))
    return grid, asked


def kink(x: float, y: float) -> float:
    return abs(x + 0.3 * y) + 0.1 * x * x


def ravine(x: float, y: float) -> float:
    return 0.05 * x * x + 30 * (y - 0.5 * x * x) ** 2 + 1e-3


def step(x: float, y: float) -> float:
    return 1.0 if x * x + y * y > 0.3 else 0.0


@pytest.mark.slow
@pytest.mark.parametrize("function", [kink, ravine, step])
@pytest.mark.parametrize("side", [25, 51])
def test_points_at_bends_reduce_the_error_more_than_regular_points(function, side: int) -> None:
    grid, asked = filled(function, side * side)
    assert len(asked) == len(grid.values) == side * side
    scale = grid.scale()
    fine, even = (np.linspace(-1, 1, n) for n in (FINEST[2] + 1, side))
    true = np.array([[scale(function(x, y)) for x in fine] for y in fine])
    uniform = np.array([[scale(function(x, y)) for x in even] for y in even])
    points = np.stack(np.meshgrid(fine, fine), -1)[..., ::-1]
    errors = [
        RegularGridInterpolator((even, even), uniform, method=method)(points) - true for method in ("linear", "cubic")
    ]
    ours = np.array(grid.interpolated_rows(scale)) - true
    assert np.sqrt(np.mean(ours**2)) < 0.85 * min(np.sqrt(np.mean(error**2)) for error in errors)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    stop=st.integers(0, 700),
    points=st.integers(1, 700),
    coefficients=st.lists(st.floats(-3, 3), min_size=4, max_size=4),
    axes=st.integers(1, 2),
)
def test_an_interrupted_computation_resumes_with_the_same_result(stop, points, coefficients, axes) -> None:
    a, b, c, d = coefficients

    def function(x: float, y: float = 0.0) -> float:
        return a * x + b * abs(y - c * x) + d * x * y

    ranges = SQUARE[:axes]
    whole, asked = filled(function, points, ranges)
    part, first = filled(function, min(stop, points), ranges)
    again, rest = filled(function, points, ranges, part.values)
    assert first + rest == asked and again.values == whole.values
    assert len(set(asked)) == len(asked) == min(points, whole.point_count)


@pytest.mark.parametrize("axes", [1, 2])
def test_every_grid_point_is_computed_once(axes: int) -> None:
    grid, asked = filled(lambda *at: sum(at), 10**6, SQUARE[:axes])
    assert len(asked) == len(set(asked)) == grid.point_count == (FINEST[axes] + 1) ** axes
    assert list(grid.points_to_compute(10**6)) == []


def test_the_coarse_grid_comes_first_and_contains_the_middle() -> None:
    grid, asked = filled(kink, (COARSE + 1) ** 2)
    wide = grid.cells // COARSE
    assert set(asked) == {(i, j) for i in range(0, grid.cells + 1, wide) for j in range(0, grid.cells + 1, wide)}
    assert grid.position((grid.cells // 2,) * 2) == (0.0, 0.0)
    assert set(asked[:9]) == {(i, j) for i in (0, 64, 128) for j in (0, 64, 128)}


@pytest.mark.parametrize("axes", [1, 2])
def test_interpolation_is_exact_for_a_cubic(axes: int) -> None:
    grid, _ = filled(lambda x, y=0.0: x**3 - 2 * x * y + y**2, (COARSE + 1) ** axes, SQUARE[:axes])
    rows = np.array(grid.interpolated_rows(grid.scale()))
    fine = np.linspace(-1, 1, grid.cells + 1)
    true = fine**3 if axes == 1 else fine**3 - 2 * fine * fine[:, None] + fine[:, None] ** 2
    assert rows.reshape(true.shape) == pytest.approx(true, abs=1e-12)


def test_infinite_values_are_a_gap_with_a_reported_start() -> None:
    grid, _ = filled(lambda x, y: math.nan if x > 0.55 else math.inf if x < -0.7 else x * x + y, 900)
    rows, fine = np.array(grid.interpolated_rows(grid.scale())), np.linspace(-1, 1, 129)
    is_gap = (fine > 0.55) | (fine < -0.7)
    assert (np.isnan(rows) == is_gap).mean() > 0.975
    assert sum(not math.isfinite(value) for value in grid.values.values()) > 9
    assert math.isinf(grid.values[(0, 0)])


def test_an_empty_grid_draws_nothing() -> None:
    assert np.isnan(np.array(Grid(SQUARE).interpolated_rows(choose_scale([])))).all()
    grid, _ = filled(lambda x, y: math.nan, 400)
    assert np.isnan(np.array(grid.interpolated_rows(grid.scale()))).all() and len(grid.values) == 400


def test_drawn_values_stay_within_the_computed_range() -> None:
    grid, _ = filled(step, 400)
    drawn = np.array(grid.interpolated_rows(grid.scale()))
    assert drawn.min() == 0.0 and drawn.max() == 1.0


def test_wide_ranges_get_a_logarithmic_scale_and_outliers_are_capped() -> None:
    assert not choose_scale([1.0, 2.0, 50.0]).is_log
    wide = choose_scale([1e-3, 1.0, 1e3])
    assert wide.is_log and wide(1.0) == pytest.approx(0.0) and wide.value_at(wide(7.0)) == pytest.approx(7.0)
    assert (wide.low, wide.high, wide.is_capped) == (1e-3, 1e3, False)
    capped = choose_scale([-1.0, 0.0, 1.0, 2.0, 1e9])
    assert (capped.low, capped.high, capped.is_log, capped.is_capped) == (-1.0, 19.0, False, True)
    assert capped(math.nan) == capped(1e9) == 19.0
    assert choose_scale([math.nan, math.inf]).high == 1.0
    assert choose_scale([3.0, 3.0, 3.0, 4.0]).high == 4.0


@pytest.mark.parametrize(
    ("ranges", "says"),
    [
        (((1.0, 1.0),), "not from 1 to 1"),
        (((0.0, math.nan),), "not from 0 to nan"),
        (((0.0, 1.0),) * 3, "one or two axes, not 3"),
    ],
)
def test_an_invalid_range_is_reported(ranges, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Grid(ranges)
