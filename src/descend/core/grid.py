"""An adaptive grid for a function of one or two variables: coarse first, then refined where the function bends.

Places are integers on the finest grid, so each is computed once. Refinement halves a cell along every axis. The
difference between the value at the middle of an edge and the mean of the edge's ends selects the next cell
(hierarchical surplus: Bungartz & Griebel 2004). Missing values are interpolated from four neighbours (Dubuc 1986).
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import islice, product

from descend.core.scale import Scale, choose_scale

COARSE = 16  # number of cells along each axis before adaptive refinement
FINEST = {1: 1024, 2: 128}  # largest number of cells along each axis, by the number of axes
Place = tuple[int, ...]


@dataclass
class Grid:
    """Known values of a function on an adaptive grid over one or two axes with given ranges (low, high).

    values: the known values by place; it may start with the values of an earlier run.
    Raises `ValueError` unless there are one or two axes with finite ascending ranges.
    """

    ranges: tuple[tuple[float, float], ...]
    values: dict[Place, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.ranges) not in FINEST:
            raise ValueError(f"a grid has one or two axes, not {len(self.ranges)}")
        for low, high in self.ranges:
            if not (low < high and math.isfinite(high - low)):
                raise ValueError(f"a range must go from a finite number to a larger one, not from {low:g} to {high:g}")

    @property
    def cells(self) -> int:
        """Number of cells along each axis of the finest grid; an axis has one more grid point than cells."""
        return FINEST[len(self.ranges)]

    @property
    def point_count(self) -> int:
        """Total number of points of the finest grid."""
        return int((self.cells + 1) ** len(self.ranges))

    def position(self, place: Place) -> tuple[float, ...]:
        """Return the coordinates of the grid point whose indices along the axes of the finest grid are `place`."""
        return tuple(low + (high - low) * k / self.cells for k, (low, high) in zip(place, self.ranges))

    def points_to_compute(self, points: int) -> Iterator[Place]:
        """Yield grid points whose values the caller should compute next, until `points` values are known.

        The caller must store the value of each place in `values` before it requests the next. The places depend on
        the values only, so an interrupted computation continues with the same places.
        """
        for place in islice(self._points_in_order(), points):
            if place not in self.values:
                yield place

    def scale(self) -> Scale:
        """Return the linear or logarithmic scale on which a figure should draw the known values."""
        return choose_scale(self.values.values())

    def interpolated_rows(self, scale: Scale) -> list[list[float]]:
        """Return the known or interpolated value at each point of the finest grid, on the given scale; NaN if unknown.

        Row k belongs to place k of the second axis; a single axis has one row. Values are clipped to the scale.
        """
        step, axes = self.cells, len(self.ranges)
        rows = [[self._scaled_value(scale, step * i, step * j) for i in range(2)] for j in range(axes)]
        while step > 1:
            half = step // 2
            rows = [self._refine_line(row, scale, half, step * j, along=0) for j, row in enumerate(rows)]
            if axes == 2:
                columns = [list(column) for column in zip(*rows)]
                finer = [self._refine_line(column, scale, half, half * i, along=1) for i, column in enumerate(columns)]
                rows = [list(row) for row in zip(*finer)]
            step = half
        low, high = scale(scale.low), scale(scale.high)
        return [[min(max(value, low), high) if value == value else value for value in row] for row in rows]

    def _points_in_order(self) -> Iterator[Place]:
        """Yield every grid point once: first the coarse grid, then points in cells with large expected errors."""
        axes, seen = len(self.ranges), set[Place]()

        def not_yet_yielded(places: Iterable[Place]) -> Iterator[Place]:
            """Yield those of the given grid points that have not been yielded before."""
            for place in places:
                if place not in seen:
                    seen.add(place)
                    yield place

        step = self.cells
        while step >= self.cells // COARSE:
            yield from not_yet_yielded(product(range(0, self.cells + 1, step), repeat=axes))
            step //= 2
        size = 2 * step
        scale = choose_scale(self.values[place] for place in seen)
        queue: list[tuple[float, Place, int]] = []
        for corner in product(range(0, self.cells, size), repeat=axes):
            heappush(queue, (-self._expected_error(corner, size, scale), corner, size))
        while queue:
            _, corner, size = heappop(queue)
            half = size // 2
            yield from not_yet_yielded(product(*((k, k + half, k + size) for k in corner)))
            for child in product(*((k, k + half) for k in corner)) if half > 1 else ():
                heappush(queue, (-self._expected_error(child, half, scale), child, half))

    def _expected_error(self, corner: Place, size: int, scale: Scale) -> float:
        """Estimate a cell's part of the RMS interpolation error, from the hierarchical surpluses at its corners."""
        surplus = max(
            self._hierarchical_surplus(place, size, scale) for place in product(*((k, k + size) for k in corner))
        )
        return surplus * size ** (len(corner) / 2)

    def _hierarchical_surplus(self, place: Place, size: int, scale: Scale) -> float:
        """Return the distance of a grid point's value from the mean value of the coarser grid points around it."""
        around = [(k - size, k + size) if k // size % 2 else (k,) for k in place]
        parents = [scale(self.values[parent]) for parent in product(*around)]
        return abs(scale(self.values[place]) - sum(parents) / len(parents))

    def _scaled_value(self, scale: Scale, *place: int) -> float:
        """Return the value of a grid point on the given scale; NaN if it is unknown or not finite."""
        value = self.values.get(place[: len(self.ranges)], math.nan)
        return scale(value) if math.isfinite(value) else math.nan

    def _refine_line(self, line: Sequence[float], scale: Scale, half: int, fixed: int, along: int) -> list[float]:
        """Return a line of values at half the spacing. Each new value is known, or interpolated from its neighbours.

        along: the axis that the line follows. fixed: the line's integer coordinate on the other axis.
        """
        finer = list[float]()
        for k, value in enumerate(line):
            finer.append(value)
            if k + 1 < len(line):
                moved = (2 * k + 1) * half
                place = (moved, fixed) if along == 0 else (fixed, moved)
                known = place[: len(self.ranges)] in self.values
                finer.append(self._scaled_value(scale, *place) if known else _interpolate_midpoint(line, k))
        return finer


def _interpolate_midpoint(line: Sequence[float], k: int) -> float:
    """Return the value halfway between positions `k` and `k` + 1 of a line, by interpolation with a cubic.

    The cubic goes through two values on each side; at an end of the line, through the four nearest values. Next to a
    gap, the mean of the two neighbours is returned.
    """
    for first, weights in ((k - 1, (-1, 9, 9, -1)), (k, (5, 15, -5, 1)), (k - 2, (1, -5, 15, 5))):
        near = line[first : first + 4] if first >= 0 else ()
        if len(near) == 4 and not any(value != value for value in near):
            return sum(weight * value for weight, value in zip(weights, near)) / 16
    return (line[k] + line[k + 1]) / 2
