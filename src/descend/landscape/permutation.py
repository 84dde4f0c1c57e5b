"""Prove that a network's loss is not convex, by permuting its hidden units.

Permuted units give the same loss. If the loss were convex, the mean of these points would have at most the same loss
(Jensen's inequality). It has a larger one, so the loss is not convex (Ba, CSC413 lecture 4, Local Minima).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from descend.landscape.hidden import Hidden, averaged, permuted, random_order
from descend.landscape.loss import Loss, Theta

ROUNDING = 1e-5  # A relative difference of the loss up to this value counts as a float32 rounding error.
COPIES = 8  # number of random orders of the units
POINTS = 21  # number of points on the line between the parameters of two copies with permuted units


@dataclass(frozen=True)
class Permutations:
    """The loss of a network with its hidden units in other orders, and of points between these orders.

    copies: loss at random orders. means: pairs of n and the loss at the mean of the first n copies. line: loss at
    evenly spaced points from the first copy to the second. mean: loss at the mean of all orders.
    """

    cost: float
    copies: tuple[float, ...]
    means: tuple[tuple[int, float], ...]
    line: tuple[float, ...]
    mean: float

    @property
    def difference(self) -> float:
        """Return the largest relative difference between the loss of the network and that of a permuted copy."""
        return max(abs(copy - self.cost) for copy in self.copies) / max(abs(self.cost), 1e-30)

    @property
    def is_symmetric(self) -> bool:
        """Return whether all permuted copies of the network have the same loss, up to rounding."""
        return self.difference <= ROUNDING

    @property
    def barrier(self) -> float:
        """Return the error barrier: the rise of the loss on the line between two copies (Frankle et al. 2020, §2)."""
        return max(self.line) - (self.line[0] + self.line[-1]) / 2

    @property
    def is_not_convex(self) -> bool:
        """Return whether the loss at the mean of permuted copies is larger than theirs, so that it is not convex."""
        worst = max(self.mean, max(self.line), *(cost for _, cost in self.means))
        return self.is_symmetric and worst - max(self.cost, *self.copies) > ROUNDING * abs(self.cost)


def permutations(
    loss: Loss, theta: Theta, layers: Sequence[Hidden], *, copies: int = COPIES, points: int = POINTS, seed: int = 0
) -> Permutations:
    """Compute the loss for random orders of the hidden units, on the line between two of them, and at their means.

    Parameters
    ----------
    loss : Loss
        The loss.
    theta : sequence of torch.Tensor
        The parameters.
    layers : sequence of Hidden
        The units of each layer.
    copies : int
        The number of random orders.
    points : int
        The number of points on the line between two of them.
    seed : int
        The seed of the orders.

    Returns
    -------
    Permutations
        The losses.

    Raises
    ------
    ValueError
        If there is no layer, or fewer than two copies or points.
    """
    if not layers or copies < 2 or points < 2:
        raise ValueError(f"at least 1 layer, 2 copies and 2 points are needed, not {len(layers)}, {copies}, {points}")
    made = [_permute_units_randomly(theta, layers, seed + k) for k in range(copies)]
    mean: list[Tensor] = list(theta)
    for layer in layers:
        mean = averaged(mean, layer)
    return Permutations(
        loss.value(theta),
        tuple(map(loss.value, made)),
        tuple((n, loss.value(mean_point(made[:n]))) for n in _powers_of_two(copies)),
        losses_on_line(loss, made[0], made[1], points),
        loss.value(mean),
    )


def losses_on_line(loss: Loss, start: Theta, end: Theta, points: int = POINTS) -> tuple[float, ...]:
    """Return the loss at evenly spaced points of the line from `start` to `end`, including both ends."""
    shares = torch.linspace(0, 1, points, dtype=torch.float64).tolist()
    return tuple(
        loss.value([torch.lerp(a.detach(), b.detach(), share) for a, b in zip(start, end)]) for share in shares
    )


def mean_point(points: Sequence[Theta]) -> list[Tensor]:
    """Return the mean of several points in parameter space, each a list of tensors."""
    return [torch.stack([t.detach() for t in same]).mean(0) for same in zip(*points)]


def _permute_units_randomly(theta: Theta, layers: Sequence[Hidden], seed: int) -> list[Tensor]:
    """Return the parameters of the same network with the units of each hidden layer in a random order."""
    made = list(theta)
    for number, layer in enumerate(layers):
        made = permuted(made, layer, random_order(layer, 1000 * seed + number))
    return made


def _powers_of_two(most: int) -> list[int]:
    """Return the powers of 2 up to the number `most`, and `most` itself at the end."""
    counts = [2**k for k in range(most.bit_length()) if 2**k <= most]
    return counts if counts[-1] == most else [*counts, most]
