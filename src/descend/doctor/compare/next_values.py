"""The values that the search for a choice tries next, as long as they follow from the earlier ones without a model.

First, the usual values of the choice. Then the learning rate, the most important setting, is varied on a grid of
decades, then of half decades, until both neighbours of the best value are worse. This is the multi-resolution search on
a logarithmic scale of Bengio 2012, §3.3. If the best value is at the edge of a range, values outside are tried, too
(Bengio 2012, §3.3.1), unless the user has set the limits. If these are far apart, the middle of a large gap is tried
before the half decades: far from the best learning rate, all values may be as bad as their neighbours.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import floor, isclose, isfinite, log10, sqrt

from descend.core.bound import Bound, Count
from descend.doctor.compare.choice import SAME_VALUE, Choice, Dimension, Values
from descend.doctor.compare.result import TriedValues, TunedChoice

GRID_STEPS = (10.0, sqrt(10.0))  # factors between neighbouring values of the grid: a decade, then half a decade
FINEST_GRID_STEP = 10**0.25  # third factor if nothing else is searched
WIDEST_GAP = Bound(
    100.0,
    "factor",
    "chosen: two decades, half the range that is searched around the usual learning rate of an optimizer",
)
CLOSE = Bound(10**0.125, "factor", "chosen: half of the finest grid step; a closer value is not worth a run")
DIGITS = Count(2, "significant digits", "chosen: a third digit changes the cost less than another seed does")


def next_values(
    dimensions: Sequence[Dimension],
    starts: Sequence[Values],
    tried: Sequence[TriedValues],
    running: Sequence[Values] = (),
) -> Values | None:
    """Return the values that are tried next; None if they should come from a model of the results.

    starts: the values that are tried first. running: values whose runs have not ended. They are not tried again.
    """
    known = [*(run.values for run in tried), *running]
    for start in starts or [{d.name: middle(d) for d in dimensions}]:
        if not any(are_same(start, values) for values in known):
            return start
    grid = grid_dimension(dimensions)
    if grid is None:
        return None
    best = best_run([run for run in tried if is_inside(run.values, dimensions)])
    if best is None and tried:
        return _with_smaller_value(grid, known)
    center = running[0] if best is None else best.values  # Without any result, the first point is the best guess.
    first, *finer = GRID_STEPS if len(dimensions) > 1 else (*GRID_STEPS, FINEST_GRID_STEP)
    if values := _neighbour(grid, center, first, known) or _middle_of_gap(grid, center, known):
        return values
    return next((values for step in finer if (values := _neighbour(grid, center, step, known))), None)


def grid_dimension(dimensions: Sequence[Dimension]) -> Dimension | None:
    """Return the setting that is varied on a grid: the first one with a logarithmic scale, such as `lr`; or None."""
    return next((dimension for dimension in dimensions if dimension.is_log), None)


def is_inside(values: Values, dimensions: Sequence[Dimension]) -> bool:
    """Return whether a point is inside the limits of all dimensions that have fixed limits."""
    return all(d.is_open or d.low <= values[d.name] <= d.high for d in dimensions)


def _with_smaller_value(grid: Dimension, known: Sequence[Values]) -> Values | None:
    """Return the point with the smallest value, reduced by a decade. Return None at the limit of the range.

    It is tried if no run has a finite cost, because runs with a large learning rate diverge.
    """
    least = min(known, key=lambda values: values[grid.name])
    value = rounded(grid, least[grid.name] / GRID_STEPS[0])
    return {**least, grid.name: value} if least[grid.name] > CLOSE * value else None


def _neighbour(grid: Dimension, center: Values, step: float, known: Sequence[Values]) -> Values | None:
    """Return the point one step above, or else one step below, unless a known value is within that step; or None."""
    now = center[grid.name]
    for direction in (1, -1):
        value = rounded(grid, now * step**direction)
        ratios = [(values[grid.name] / now) ** direction for values in known]
        is_known = any(1 + SAME_VALUE < ratio < step * CLOSE for ratio in ratios)
        if not is_known and (value / now) ** direction > CLOSE:
            return {**center, grid.name: value}
    return None


def missing_neighbour(choice: Choice, best: Values, known: Sequence[Values]) -> Values | None:
    """Return the point half a decade above or below the best one, if no known value is within that step; or None."""
    grid = grid_dimension(choice.dimensions)
    return None if grid is None else _neighbour(grid, best, GRID_STEPS[1], known)


def is_well_tuned(tuned: TunedChoice) -> bool:
    """Return whether values within half a decade of the best one were tried on both sides, or nothing is searched.

    Without them, a better value may have been missed.
    """
    known = [run.values for run in tuned.tried]
    return tuned.best is None or missing_neighbour(tuned.choice, tuned.best.values, known) is None


def _middle_of_gap(grid: Dimension, center: Values, known: Sequence[Values]) -> Values | None:
    """Return the point in the middle of the widest gap between known values or limits; None if no gap is wide.

    Without fixed limits the usual learning rate is among the first values, so no gap is searched.
    """
    if grid.is_open:
        return None
    values = sorted({grid.low, grid.high, *(values[grid.name] for values in known)})
    low, high = max(pairwise(values), key=lambda gap: gap[1] / gap[0])
    if high <= (1 + SAME_VALUE) * WIDEST_GAP * low:
        return None
    return {**center, grid.name: middle(replace(grid, low=low, high=high))}


def best_run(tried: Sequence[TriedValues]) -> TriedValues | None:
    """Return the run with the lowest cost, the first one of several; None if no run has a finite cost."""
    return min((run for run in tried if isfinite(run.cost)), key=lambda run: run.cost, default=None)


def settings_at_edge(choice: Choice, tried: Sequence[TriedValues]) -> tuple[str, ...]:
    """Return the settings whose best value is the smallest or the largest tried one, if several values were tried."""
    best = best_run(tried)
    if best is None:
        return ()
    values = {d.name: [run.values[d.name] for run in tried] for d in choice.dimensions}
    varied = [name for name, known in values.items() if max(known) > min(known)]
    return tuple(name for name in varied if best.values[name] in (min(values[name]), max(values[name])))


def are_same(one: Values, other: Values) -> bool:
    """Return whether two points have the same settings with equal values, up to round-off."""
    return one.keys() == other.keys() and all(isclose(one[name], other[name], rel_tol=SAME_VALUE) for name in one)


def rounded(dimension: Dimension, value: float) -> float:
    """Return a value with few digits that is inside the limits of a dimension, unless these are open."""
    if dimension.is_integer:
        value = round(value)
    elif dimension.is_log:
        value = float(f"{value:.{DIGITS - 1}e}")
    else:
        value = round(value, DIGITS - floor(log10(dimension.high - dimension.low)))
    return value if dimension.is_open else min(max(value, dimension.low), dimension.high)


def middle(dimension: Dimension) -> float:
    """Return the middle of a range, on its own scale."""
    low, high = dimension.low, dimension.high
    return rounded(dimension, sqrt(low * high) if dimension.is_log else (low + high) / 2)
