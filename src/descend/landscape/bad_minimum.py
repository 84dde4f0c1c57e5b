"""A local minimum as bad as the best constant answer, constructed on a network's own cost.

With the last hidden layer of rectified units switched off, no small change of any parameter lets the inputs through:
what is left to fit is the output layer's bias, and where that is convex its best value is a local minimum of the whole
cost, flat in all other directions. (That bad minima can be constructed: Ba, CSC413 lecture 4, Local Minima; Swirszcz et
al. 2016 have others.)
"""

from dataclasses import dataclass
from math import isfinite

from torch import Tensor

from descend.landscape.convexity import restricted
from descend.landscape.fitting import minimised
from descend.landscape.hidden import Hidden, switched_off
from descend.landscape.loss import Loss, Theta
from descend.landscape.vectors import flat, normal_like, shaped

TRIED, RADIUS = 100, 1e-3  # random steps from the minimum, and their length as a share of that of the parameters
ROUNDING = 1e-6  # of the cost


@dataclass(frozen=True)
class BadMinimum:
    """A constructed local minimum: its cost beside the given point's, and what shows that it is one.

    gradient_norm: there. lowest: the lowest rise of the cost over random small steps, as a share of it.
    """

    cost: float
    good: float
    gradient_norm: float
    lowest: float
    tried: int
    theta: tuple[Tensor, ...]

    @property
    def is_minimum(self) -> bool:
        """Whether no step has lowered it by more than rounding does."""
        return isfinite(self.cost) and self.lowest >= -ROUNDING

    @property
    def is_bad(self) -> bool:
        """Whether the given point costs less."""
        return self.good < self.cost * (1 - ROUNDING)


def bad_minimum(loss: Loss, theta: Theta, hidden: Hidden, tried: int = TRIED) -> BadMinimum:
    """Return the local minimum with the units of `hidden`, the last hidden layer, switched off.

    What still moves the cost then is fitted. Raises `ValueError` where the units cannot be switched off.
    """
    off = switched_off(theta, hidden)
    at = list(off)
    after = [k for k, gradient in enumerate(loss.gradient(off)) if bool(gradient.any())]
    if after:
        best = minimised(restricted(loss, off, after), [off[k] for k in after])
        for index, tensor in zip(after, best.theta):
            at[index] = tensor
    cost = loss.value(at)
    row = flat(at)
    rises = []
    for seed in range(tried):
        step = normal_like(row, seed)
        moved = row + RADIUS * row.norm() / step.norm() * step
        rises.append((loss.value(shaped(moved, at)) - cost) / max(abs(cost), 1e-30))
    slope = float(flat(loss.gradient(at)).norm())
    return BadMinimum(cost, loss.value(theta), slope, min(rises), tried, tuple(at))
