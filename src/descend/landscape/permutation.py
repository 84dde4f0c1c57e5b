"""Hidden units in another order: the same cost, but not on the way between two orders, nor at the mean of all of them.

Were the cost convex, the mean of points of equal cost would have at most that cost (Jensen's inequality). It has not:
so the cost of a network with hidden units that differ is not convex (Ba, CSC413 lecture 4, Local Minima).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from descend.landscape.hidden import Hidden, averaged, permuted, random_order
from descend.landscape.loss import Loss, Theta

ROUNDING = 1e-5  # of the cost: equal to float32's rounding of a sum over examples and units
COPIES, POINTS = 8, 21


@dataclass(frozen=True)
class Permutations:
    """What the cost is where some hidden units are in other orders.

    copies: at random orders. means: at the mean of the first n of them, by n. line: on the way from the first copy to
    the second, at even steps from 0 to 1. mean: at the mean of all orders.
    """

    cost: float
    copies: tuple[float, ...]
    means: tuple[tuple[int, float], ...]
    line: tuple[float, ...]
    mean: float

    @property
    def difference(self) -> float:
        """The largest difference of a copy's cost, as a share of the cost."""
        return max(abs(copy - self.cost) for copy in self.copies) / max(abs(self.cost), 1e-30)

    @property
    def is_symmetric(self) -> bool:
        """Whether all copies cost the same, to rounding."""
        return self.difference <= ROUNDING

    @property
    def barrier(self) -> float:
        """How far the cost rises on the straight way between two copies (Frankle et al. 2020, §2)."""
        return max(self.line) - (self.line[0] + self.line[-1]) / 2

    @property
    def is_not_convex(self) -> bool:
        """Whether the mean of points of equal cost is seen to cost more: a proof, where the copies cost the same."""
        worst = max(self.mean, max(self.line), *(cost for _, cost in self.means))
        return self.is_symmetric and worst - max(self.cost, *self.copies) > ROUNDING * abs(self.cost)


def permutations(
    loss: Loss, theta: Theta, layers: Sequence[Hidden], *, copies: int = COPIES, points: int = POINTS, seed: int = 0
) -> Permutations:
    """Return the cost at `copies` random orders of the units of all `layers`, between two of them and at their means.

    Raises `ValueError` where there is no layer, or fewer than two copies or points.
    """
    if not layers or copies < 2 or points < 2:
        raise ValueError(f"it takes a layer, two copies and two points, not {len(layers)}, {copies} and {points}")
    made = [_in_random_order(theta, layers, seed + k) for k in range(copies)]
    mean: list[Tensor] = list(theta)
    for layer in layers:
        mean = averaged(mean, layer)
    return Permutations(
        loss.value(theta),
        tuple(map(loss.value, made)),
        tuple((n, loss.value(mean_of(made[:n]))) for n in _doubling(copies)),
        line(loss, made[0], made[1], points),
        loss.value(mean),
    )


def line(loss: Loss, start: Theta, end: Theta, points: int = POINTS) -> tuple[float, ...]:
    """Return the cost on the straight way from `start` to `end`, at `points` even steps, both ends among them."""
    shares = torch.linspace(0, 1, points, dtype=torch.float64).tolist()
    return tuple(
        loss.value([torch.lerp(a.detach(), b.detach(), share) for a, b in zip(start, end)]) for share in shares
    )


def mean_of(points: Sequence[Theta]) -> list[Tensor]:
    """Return the mean of some points."""
    return [torch.stack([t.detach() for t in same]).mean(0) for same in zip(*points)]


def _in_random_order(theta: Theta, layers: Sequence[Hidden], seed: int) -> list[Tensor]:
    made = list(theta)
    for number, layer in enumerate(layers):
        made = permuted(made, layer, random_order(layer, 1000 * seed + number))
    return made


def _doubling(most: int) -> list[int]:
    counts = [2**k for k in range(most.bit_length()) if 2**k <= most]
    return counts if counts[-1] == most else [*counts, most]
