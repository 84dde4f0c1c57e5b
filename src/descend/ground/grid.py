"""A function over one or two axes, computed on a coarse grid first and then wherever it bends.

Places are whole numbers on the finest grid, so that each is computed once. A cell is halved along every axis; what the
middle of its edges then differs from the mean of their ends says where to go on (hierarchical surplus: Bungartz &
Griebel 2004). Where a place was not computed, its value follows from four near it (Dubuc 1986).
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import islice, product

from descend.ground.scale import Scale, scale_of

COARSE = 16  # cells along an axis before any is chosen
FINEST = {1: 1024, 2: 128}  # cells along an axis at most, by the number of axes
Place = tuple[int, ...]


@dataclass
class Grid:
    """Values over one or two axes, each from the first to the second number of its range.

    `values` holds what is known, and may begin with what an earlier run has left.
    Raises `ValueError` where there are not one or two axes with finite ranges that go up.
    """

    ranges: tuple[tuple[float, float], ...]
    values: dict[Place, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.ranges) not in FINEST:
            raise ValueError(f"a grid has one axis or two, not {len(self.ranges)}")
        for low, high in self.ranges:
            if not (low < high and math.isfinite(high - low)):
                raise ValueError(f"a range must go from a finite number to a larger one, not from {low:g} to {high:g}")

    @property
    def cells(self) -> int:
        """Along each axis, of the finest grid: places are from 0 to this."""
        return FINEST[len(self.ranges)]

    @property
    def most(self) -> int:
        """How many places there are."""
        return int((self.cells + 1) ** len(self.ranges))

    def position(self, place: Place) -> tuple[float, ...]:
        """Return where a place lies along each axis."""
        return tuple(low + (high - low) * k / self.cells for k, (low, high) in zip(place, self.ranges))

    def wanted(self, points: int) -> Iterator[Place]:
        """Yield, one by one, the places that are still to be computed for `points` in all.

        The value of each must be in `values` before the next is asked for. Which places they are depends on the values
        alone: one that goes on after an interruption asks for the same as one that was not interrupted.
        """
        for place in islice(self._order(), points):
            if place not in self.values:
                yield place

    def scale(self) -> Scale:
        """Return the scale that the values need."""
        return scale_of(self.values.values())

    def drawn(self, scale: Scale) -> list[list[float]]:
        """Return the scaled values of the finest grid in rows, along the first axis; NaN where nothing is known.

        Row k is at the place k of the second axis; a single axis has one row. Nothing is drawn beyond the ends of the
        scale, whatever lies between.
        """
        step, axes = self.cells, len(self.ranges)
        rows = [[self._at(scale, step * i, step * j) for i in range(2)] for j in range(axes)]
        while step > 1:
            half = step // 2
            rows = [self._finer(row, scale, half, step * j, along=0) for j, row in enumerate(rows)]
            if axes == 2:
                columns = [list(column) for column in zip(*rows)]
                finer = [self._finer(column, scale, half, half * i, along=1) for i, column in enumerate(columns)]
                rows = [list(row) for row in zip(*finer)]
            step = half
        low, high = scale(scale.low), scale(scale.high)
        return [[min(max(value, low), high) if value == value else value for value in row] for row in rows]

    def _order(self) -> Iterator[Place]:
        """Yield every place, coarse ones first, then those of the cells that need it most."""
        axes, seen = len(self.ranges), set[Place]()

        def new(places: Iterable[Place]) -> Iterator[Place]:
            for place in places:
                if place not in seen:
                    seen.add(place)
                    yield place

        step = self.cells
        while step >= self.cells // COARSE:
            yield from new(product(range(0, self.cells + 1, step), repeat=axes))
            step //= 2
        size = 2 * step
        scale = scale_of(self.values[place] for place in seen)
        queue: list[tuple[float, Place, int]] = []
        for corner in product(range(0, self.cells, size), repeat=axes):
            heappush(queue, (-self._need(corner, size, scale), corner, size))
        while queue:
            _, corner, size = heappop(queue)
            half = size // 2
            yield from new(product(*((k, k + half, k + size) for k in corner)))
            for child in product(*((k, k + half) for k in corner)) if half > 1 else ():
                heappush(queue, (-self._need(child, half, scale), child, half))

    def _need(self, corner: Place, size: int, scale: Scale) -> float:
        """Return what a cell may add to the root of the mean squared error of the picture."""
        surplus = max(self._surplus(place, size, scale) for place in product(*((k, k + size) for k in corner)))
        return surplus * size ** (len(corner) / 2)

    def _surplus(self, place: Place, size: int, scale: Scale) -> float:
        """Return how far a place, new at this size of cells, lies from the mean of those that it was put between."""
        around = [(k - size, k + size) if k // size % 2 else (k,) for k in place]
        parents = [scale(self.values[parent]) for parent in product(*around)]
        return abs(scale(self.values[place]) - sum(parents) / len(parents))

    def _at(self, scale: Scale, *place: int) -> float:
        value = self.values.get(place[: len(self.ranges)], math.nan)
        return scale(value) if math.isfinite(value) else math.nan

    def _finer(self, line: Sequence[float], scale: Scale, half: int, fixed: int, along: int) -> list[float]:
        """Return a line of values with those between them; `fixed` is its place on the other axis."""
        finer = list[float]()
        for k, value in enumerate(line):
            finer.append(value)
            if k + 1 < len(line):
                moved = (2 * k + 1) * half
                place = (moved, fixed) if along == 0 else (fixed, moved)
                known = place[: len(self.ranges)] in self.values
                finer.append(self._at(scale, *place) if known else _between(line, k))
        return finer


def _between(line: Sequence[float], k: int) -> float:
    """Return the value between places k and k + 1: by the cubic through four places, two of them on each side.

    At an end it is that of the four nearest; beside a gap, where fewer are known, the mean of the two.
    """
    for first, weights in ((k - 1, (-1, 9, 9, -1)), (k, (5, 15, -5, 1)), (k - 2, (1, -5, 15, 5))):
        near = line[first : first + 4] if first >= 0 else ()
        if len(near) == 4 and not any(value != value for value in near):
            return sum(weight * value for weight, value in zip(weights, near)) / 16
    return (line[k] + line[k + 1]) / 2
