"""Test whether a loss is convex. A negative curvature, or a point above a chord, proves that the loss is not convex.

The test cannot prove convexity. A loss J is convex if J((1−λ)a + λb) ≤ (1−λ)J(a) + λJ(b) for all a and b; then no
eigenvalue of the Hessian is negative (Ba, CSC413 lecture 4, Convex Functions).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor

from descend.landscape.eigenpairs import ends
from descend.landscape.loss import CurvatureUnavailable, Loss, Theta
from descend.landscape.permutation import losses_on_line
from descend.landscape.vectors import flat, normal_like, shaped

# Values up to these fractions of the largest curvature, or of the loss, count as rounding errors.
ROUNDING = {torch.float64: 1e-9, torch.float32: 1e-5}
POINTS = 9  # number of points on a chord
SPREADS = (0.1, 1.0, 3.0)  # distances of random points from the parameters, in standard deviations of their values


@dataclass(frozen=True)
class Convexity:
    """The result of a test of convexity: the curvature of a loss at some points, and its height above chords.

    lowest: the smallest eigenvalue at any point, as a fraction of the largest magnitude at that point; None if the loss
    has no second derivative. excess: the largest height above a chord, as a fraction of the largest loss on the chord.
    """

    points: int
    lowest: float | None
    excess: float
    rounding: float

    @property
    def is_refuted(self) -> bool:
        """Return whether the test proves that the loss is not convex."""
        return (self.lowest is not None and self.lowest < -self.rounding) or self.excess > self.rounding

    @property
    def verdict(self) -> str:
        """Return the result of the test of convexity as a sentence."""
        if self.lowest is not None and self.lowest < -self.rounding:
            return f"not convex: the smallest Hessian eigenvalue is {self.lowest:.2g} times the largest magnitude"
        if self.is_refuted:
            return (
                f"not convex: between two points, the loss exceeds the chord by {self.excess:.2g} of its largest value"
            )
        return f"no evidence against convexity at {self.points} points"


def convexity(loss: Loss, points: Sequence[Theta]) -> Convexity:
    """Test whether a loss is convex, with its Hessians at some points and its values between successive points.

    Parameters
    ----------
    loss : Loss
        The loss.
    points : sequence of sequence of torch.Tensor
        Points in parameter space.

    Returns
    -------
    Convexity
        The lowest curvature, and the largest height of the loss above a chord.

    Raises
    ------
    ValueError
        If there is no point.
    """
    if not points:
        raise ValueError("the convexity test needs at least one point")
    lowest = [share for at in points if (share := _lowest_eigenvalue_share(loss, at)) is not None]
    excess = [height_above_chord(losses_on_line(loss, a, b, POINTS)) for a, b in pairwise(points)]
    rounding = max(ROUNDING.get(t.dtype, 1e-2) for t in points[0])
    return Convexity(len(points), min(lowest, default=None), max(excess, default=0.0), rounding)


def height_above_chord(costs: Sequence[float]) -> float:
    """Return the largest height of evenly spaced losses above the chord from the first loss to the last.

    The height is a fraction of the largest loss. It is at most 0 if no loss is above the chord.
    """
    count = len(costs) - 1
    chord = [costs[0] + (costs[-1] - costs[0]) * k / count for k in range(count + 1)]
    inner = [cost - straight for cost, straight in zip(costs, chord)][1:-1]
    return max(inner, default=0.0) / max(max(map(abs, costs)), 1e-30)


def points_about(theta: Theta, seed: int = 0, spreads: Iterable[float] = SPREADS) -> list[list[Tensor]]:
    """Return a list of points in parameter space: the parameters `theta` and random points around them.

    Parameters
    ----------
    theta : sequence of torch.Tensor
        The parameters.
    seed : int
        The seed of the random points.
    spreads : iterable of float
        The distances, in standard deviations of the parameters' values.

    Returns
    -------
    list of list of torch.Tensor
        The points, `theta` first.
    """
    start = flat(theta)
    unit = float(start.std()) if start.numel() > 1 else 0.0
    drawn = [
        start + spread * (unit or 1.0) * normal_like(start, seed + number) for number, spread in enumerate(spreads)
    ]
    return [[t.detach() for t in theta], *([*shaped(row, theta)] for row in drawn)]


def restricted(loss: Loss, theta: Theta, indices: Sequence[int]) -> Loss:
    """Return the loss as a function of the parameters numbered `indices`. The others keep their values in `theta`.

    Parameters
    ----------
    loss : Loss
        The loss.
    theta : sequence of torch.Tensor
        The values of all parameters.
    indices : sequence of int
        The numbers of the parameters that remain variable.

    Returns
    -------
    Loss
        The loss as a function of these parameters.
    """
    held = [t.detach() for t in theta]

    def restricted_part(part: int, some: Theta) -> Tensor:
        """Return one part of the loss if the selected parameters have the values `some` and the others are fixed."""
        at = list(held)
        for index, tensor in zip(indices, some):
            at[index] = tensor
        return loss.parts[part](at)

    return Loss(tuple(partial(restricted_part, part) for part in range(len(loss.parts))))


def _lowest_eigenvalue_share(loss: Loss, at: Theta) -> float | None:
    """Return the smallest Hessian eigenvalue divided by the largest magnitude of one; None if the loss has none."""
    try:
        found = ends(loss.hessian(at), at, top=1, bottom=1, tolerance=1e-4)
    except CurvatureUnavailable:
        return None
    return found.bottom[0].value / found.radius if found.radius > 0 else 0.0
