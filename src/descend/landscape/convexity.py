"""Is a cost convex? A negative curvature, or a point above a chord, proves that it is not; looking proves no more.

Convex: J((1−λ)a + λb) ≤ (1−λ)J(a) + λJ(b), and no eigenvalue of the Hessian is negative (Ba, CSC413 lecture 4, Convex
Functions).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor

from descend.landscape.eigenpairs import ends
from descend.landscape.loss import CurvatureUnavailable, Loss, Theta
from descend.landscape.permutation import line
from descend.landscape.vectors import flat, normal_like, shaped

ROUNDING = {torch.float64: 1e-9, torch.float32: 1e-5}  # share of the largest curvature, or of the cost
POINTS = 9  # on a chord
SPREADS = (0.1, 1.0, 3.0)  # of random points about the given one, in its own standard deviation


@dataclass(frozen=True)
class Convexity:
    """What was seen of a cost at some points and on the chords between them.

    lowest: the smallest eigenvalue at any point, as a share of the largest magnitude there; None where the cost has no
    second derivative. excess: how far it lies above a chord, as a share of the largest cost met.
    """

    points: int
    lowest: float | None
    excess: float
    rounding: float

    @property
    def is_refuted(self) -> bool:
        """Whether it is proved not to be convex."""
        return (self.lowest is not None and self.lowest < -self.rounding) or self.excess > self.rounding

    @property
    def verdict(self) -> str:
        """In words."""
        if self.lowest is not None and self.lowest < -self.rounding:
            return f"not convex: a curvature of {self.lowest:.2g} of the largest"
        if self.is_refuted:
            return f"not convex: {self.excess:.2g} of the cost above a chord"
        return f"nothing against convex at {self.points} points"


def convexity(loss: Loss, points: Sequence[Theta]) -> Convexity:
    """Return what the Hessians at the points and the chords from each to the next say. Raises `ValueError` for none."""
    if not points:
        raise ValueError("convexity is looked for at some points, and there is none")
    lowest = [share for at in points if (share := _lowest(loss, at)) is not None]
    excess = [above_chord(line(loss, a, b, POINTS)) for a, b in pairwise(points)]
    rounding = max(ROUNDING.get(t.dtype, 1e-2) for t in points[0])
    return Convexity(len(points), min(lowest, default=None), max(excess, default=0.0), rounding)


def above_chord(costs: Sequence[float]) -> float:
    """Return how far costs at even steps lie above the chord between the first and the last, as a share of the largest.

    At most 0 where they nowhere do.
    """
    count = len(costs) - 1
    chord = [costs[0] + (costs[-1] - costs[0]) * k / count for k in range(count + 1)]
    inner = [cost - straight for cost, straight in zip(costs, chord)][1:-1]
    return max(inner, default=0.0) / max(max(map(abs, costs)), 1e-30)


def points_about(theta: Theta, seed: int = 0, spreads: Iterable[float] = SPREADS) -> list[list[Tensor]]:
    """Return the point and random ones about it, at several distances in the standard deviation of its own values."""
    start = flat(theta)
    unit = float(start.std()) if start.numel() > 1 else 0.0
    drawn = [
        start + spread * (unit or 1.0) * normal_like(start, seed + number) for number, spread in enumerate(spreads)
    ]
    return [[t.detach() for t in theta], *([*shaped(row, theta)] for row in drawn)]


def restricted(loss: Loss, theta: Theta, indices: Sequence[int]) -> Loss:
    """Return the loss as a function of some of the parameters, by their numbers, the others held where they are."""
    held = [t.detach() for t in theta]

    def fixed(part: int, some: Theta) -> Tensor:
        at = list(held)
        for index, tensor in zip(indices, some):
            at[index] = tensor
        return loss.parts[part](at)

    return Loss(tuple(partial(fixed, part) for part in range(len(loss.parts))))


def _lowest(loss: Loss, at: Theta) -> float | None:
    """Return the smallest eigenvalue as a share of the largest magnitude; None without a second derivative."""
    try:
        found = ends(loss.hessian(at), at, top=1, bottom=1, tolerance=1e-4)
    except CurvatureUnavailable:
        return None
    return found.bottom[0].value / found.radius if found.radius > 0 else 0.0
