"""Measure how far the linear and the quadratic model of a loss are accurate along a direction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

import torch
from torch import Tensor

from descend.landscape.eigenpairs import Ends
from descend.landscape.krylov import mean_product
from descend.landscape.loss import Loss, Theta
from descend.landscape.vectors import flat, normal_like, shaped

DECADES = 5  # number of decades that the grid of distances covers
POINTS = 4  # number of grid points in a decade
OFF = 0.1  # largest accepted error of the quadratic model, as a fraction of the loss's largest change
HALVINGS = 6  # number of bisection steps between two grid points, on a logarithmic scale
ROUNDINGS = 8  # smallest detectable change of the loss, as a multiple of machine epsilon times the loss


@dataclass(frozen=True)
class Taylor:
    """The changes of a loss along a direction of length 1, and the predictions of its linear and quadratic model.

    Parameters
    ----------
    slope : float
        The first derivative at the start.
    curvature : float
        The second derivative at the start.
    distances : tuple of float
        The distances from the start, in rising order.
    changes : tuple of float
        The change of the loss at each distance.
    floor : float
        Changes below this are rounding.
    breaks_at : float or None
        The first distance at which the error of the quadratic model exceeds a tenth of the largest change so far. None
        if the model is accurate at all distances.
    """

    slope: float
    curvature: float
    distances: tuple[float, ...]
    changes: tuple[float, ...]
    floor: float
    breaks_at: float | None

    @property
    def first_errors(self) -> tuple[float, ...]:
        """Return the absolute errors of the linear model of the loss, one for each distance."""
        return tuple(abs(c - self.slope * t) for t, c in zip(self.distances, self.changes))

    @property
    def second_errors(self) -> tuple[float, ...]:
        """Return the absolute errors of the quadratic model of the loss, one for each distance."""
        return tuple(abs(c - self.quadratic(t)) for t, c in zip(self.distances, self.changes))

    def quadratic(self, distance: float) -> float:
        """Return the change of the loss that the quadratic model predicts at a distance."""
        return self.slope * distance + self.curvature * distance**2 / 2


def directions(loss: Loss, theta: Theta, ends: Ends, seed: int = 0) -> dict[str, tuple[Tensor, ...]]:
    """Return three directions of length 1 by name: negative gradient, top eigenvector and a random direction.

    Parameters
    ----------
    loss : Loss
        The loss.
    theta : sequence of torch.Tensor
        The parameters.
    ends : Ends
        The largest eigenpair of the Hessian at `theta`.
    seed : int
        The seed of the random direction.

    Returns
    -------
    dict of str to tuple of torch.Tensor
        The directions "downhill", "top eigenvector" and "random", with the shapes of the parameters.
    """
    gradient = flat(loss.gradient(theta))
    top, random = flat(ends.top[0].vector), normal_like(gradient, seed)
    rows = {"downhill": -gradient, "top eigenvector": top if top @ gradient <= 0 else -top, "random": random}
    return {name: shaped(row / row.norm(), theta) for name, row in rows.items() if bool(row.any())}


def taylor(loss: Loss, theta: Theta, direction: Theta, distances: Sequence[float] | None = None) -> Taylor:
    """Compare a loss with its linear and quadratic model at several distances along a direction.

    Parameters
    ----------
    loss : Loss
        The loss.
    theta : sequence of torch.Tensor
        The parameters at the start.
    direction : sequence of torch.Tensor
        The direction, which is scaled to length 1.
    distances : sequence of float, optional
        Positive numbers in rising order. Default: four a decade from 1e-4 to 10 times ‖θ‖.

    Returns
    -------
    Taylor
        The changes of the loss, and the derivatives at the start.

    Raises
    ------
    ValueError
        For other distances or a zero direction.
    CurvatureUnavailable
        If the loss has no second derivative.
    """
    row = flat(direction).to(flat(theta))
    length = float(row.norm())
    if not 0 < length < float("inf"):
        raise ValueError(f"a direction must have a finite length above 0, not {length}")
    row, start = row / length, flat(theta)
    at = _default_distances(start) if distances is None else tuple(distances)
    if not at or not at[0] > 0 or not all(a < b for a, b in zip(at, at[1:])):
        raise ValueError(f"distances must be positive and in rising order, not {list(at)[:9]}")
    image = mean_product(loss.hessian(theta), row, theta)
    slope = float((flat(loss.gradient(theta)) * row).sum(dtype=torch.float64))
    curvature = float((image * row).sum(dtype=torch.float64))
    value = loss.value(theta)

    def change(distance: float) -> float:
        """Return the difference between the loss at a distance along the direction and the loss at the start."""
        return loss.value(shaped(start + distance * row, theta)) - value

    changes = tuple(map(change, at))
    precision = max(torch.finfo(t.dtype).eps for t in theta)
    known = Taylor(slope, curvature, at, changes, ROUNDINGS * precision * abs(value), None)
    return Taylor(slope, curvature, at, changes, known.floor, _first_inaccurate_distance(known, change))


def _default_distances(start: Tensor) -> tuple[float, ...]:
    """Return the default distances, which are 1e-4 to 10 times the norm of the parameters, ``(parameters,)``."""
    scale = float(start.double().norm()) or 1.0
    return tuple(scale * 10 ** (k / POINTS - DECADES + 1) for k in range(DECADES * POINTS + 1))


def _first_inaccurate_distance(known: Taylor, change: Callable[[float], float]) -> float | None:
    """Return the first distance at which the quadratic model is inaccurate; None if it is accurate at all distances."""
    largest, before = 0.0, 0.0
    for distance, here, error in zip(known.distances, known.changes, known.second_errors):
        if _is_inaccurate(known, error, max(largest, abs(here))):
            return _find_trust_distance(known, change, before, distance, largest) if before else distance
        largest, before = max(largest, abs(here)), distance
    return None


def _find_trust_distance(
    known: Taylor, change: Callable[[float], float], low: float, high: float, largest: float
) -> float:
    """Find by bisection, between `low` and `high`, the distance at which the quadratic model becomes inaccurate."""
    for _ in range(HALVINGS):
        middle = sqrt(low * high)
        here = change(middle)
        if _is_inaccurate(known, abs(here - known.quadratic(middle)), max(largest, abs(here))):
            high = middle
        else:
            low = middle
    return high


def _is_inaccurate(known: Taylor, error: float, change: float) -> bool:
    """Return whether the error of the quadratic model exceeds a tenth of the loss's change and the rounding error."""
    return not error <= max(OFF * change, known.floor)
