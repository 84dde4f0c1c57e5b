"""Where the first- and the second-order view of a cost break: their errors against the distance along a direction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

import torch
from torch import Tensor

from descend.landscape.eigenpairs import Ends
from descend.landscape.krylov import mean_product
from descend.landscape.loss import Loss, Theta
from descend.landscape.vectors import flat, normal_like, shaped

DECADES, POINTS = 5, 4  # of the grid, and points of each
OFF = 0.1  # of the change may the quadratic model be off
HALVINGS = 6  # of the distance between two points of the grid, on its logarithm
ROUNDINGS = 8  # of the cost: a smaller change is not seen


@dataclass(frozen=True)
class Taylor:
    """A cost along a unit direction, and what the gradient and the curvature at its start make of it.

    slope, curvature: its first and second derivatives there; changes: of the cost, at each of the `distances`;
    floor: what rounding hides of a change; breaks_at: the distance from which the quadratic model is off by more than a
    tenth of the largest change up to there. None: nowhere on the grid.
    """

    slope: float
    curvature: float
    distances: tuple[float, ...]
    changes: tuple[float, ...]
    floor: float
    breaks_at: float | None

    @property
    def first_errors(self) -> tuple[float, ...]:
        """The magnitudes by which the linear model is off."""
        return tuple(abs(c - self.slope * t) for t, c in zip(self.distances, self.changes))

    @property
    def second_errors(self) -> tuple[float, ...]:
        """The magnitudes by which the quadratic model is off."""
        return tuple(abs(c - self.quadratic(t)) for t, c in zip(self.distances, self.changes))

    def quadratic(self, distance: float) -> float:
        """Return the change that slope and curvature make."""
        return self.slope * distance + self.curvature * distance**2 / 2


def directions(loss: Loss, theta: Theta, ends: Ends, seed: int = 0) -> dict[str, tuple[Tensor, ...]]:
    """Return unit directions to look along: downhill, the top eigenvector (downhill, too) and a random one."""
    gradient = flat(loss.gradient(theta))
    top, random = flat(ends.top[0].vector), normal_like(gradient, seed)
    rows = {"downhill": -gradient, "top eigenvector": top if top @ gradient <= 0 else -top, "random": random}
    return {name: shaped(row / row.norm(), theta) for name, row in rows.items() if bool(row.any())}


def taylor(loss: Loss, theta: Theta, direction: Theta, distances: Sequence[float] | None = None) -> Taylor:
    """Return how well both models do along a direction, which is taken to have length 1.

    distances: rising, above 0; else four a decade from 1e-4 to 10 times the length of θ. Raises `ValueError` for others
    and for a direction of 0, `CurvatureUnavailable` where the loss has no second derivative.
    """
    row = flat(direction).to(flat(theta))
    length = float(row.norm())
    if not 0 < length < float("inf"):
        raise ValueError(f"a direction must have a finite length above 0, not {length}")
    row, start = row / length, flat(theta)
    at = _grid(start) if distances is None else tuple(distances)
    if not at or not at[0] > 0 or not all(a < b for a, b in zip(at, at[1:])):
        raise ValueError(f"distances must rise from above 0, not {list(at)[:9]}")
    image = mean_product(loss.hessian(theta), row, theta)
    slope = float((flat(loss.gradient(theta)) * row).sum(dtype=torch.float64))
    curvature = float((image * row).sum(dtype=torch.float64))
    value = loss.value(theta)

    def change(distance: float) -> float:
        return loss.value(shaped(start + distance * row, theta)) - value

    changes = tuple(map(change, at))
    precision = max(torch.finfo(t.dtype).eps for t in theta)
    known = Taylor(slope, curvature, at, changes, ROUNDINGS * precision * abs(value), None)
    return Taylor(slope, curvature, at, changes, known.floor, _breaks_at(known, change))


def _grid(start: Tensor) -> tuple[float, ...]:
    scale = float(start.double().norm()) or 1.0
    return tuple(scale * 10 ** (k / POINTS - DECADES + 1) for k in range(DECADES * POINTS + 1))


def _breaks_at(known: Taylor, change: Callable[[float], float]) -> float | None:
    """Return the least distance at which the model is off, found between two points of the grid by halving."""
    largest, before = 0.0, 0.0
    for distance, here, error in zip(known.distances, known.changes, known.second_errors):
        if _is_off(known, error, max(largest, abs(here))):
            return _between(known, change, before, distance, largest) if before else distance
        largest, before = max(largest, abs(here)), distance
    return None


def _between(known: Taylor, change: Callable[[float], float], low: float, high: float, largest: float) -> float:
    for _ in range(HALVINGS):
        middle = sqrt(low * high)
        here = change(middle)
        if _is_off(known, abs(here - known.quadratic(middle)), max(largest, abs(here))):
            high = middle
        else:
            low = middle
    return high


def _is_off(known: Taylor, error: float, change: float) -> bool:
    return not error <= max(OFF * change, known.floor)
