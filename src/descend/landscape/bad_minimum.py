"""Construct a local minimum of a network's loss that is as bad as the best constant prediction.

The ReLUs of the last hidden layer are switched off, so the outputs no longer depend on the inputs, even after a small
change of any parameter. Only the output layer's bias is left to fit. If that fit is convex, its optimum is a local
minimum of the whole loss, which is flat in all other directions. Bad minima can be constructed: Ba, CSC413 lecture 4,
Local Minima. Swirszcz et al. 2016 give other constructions.
"""

from dataclasses import dataclass
from math import isfinite

from torch import Tensor

from descend.landscape.convexity import restricted
from descend.landscape.fitting import minimised
from descend.landscape.hidden import Hidden, switched_off
from descend.landscape.loss import Loss, Theta
from descend.landscape.vectors import flat, normal_like, shaped

TRIED = 100  # number of random steps from the constructed minimum
RADIUS = 1e-3  # length of a random step, as a fraction of the norm of the parameters
ROUNDING = 1e-6  # rounding error of the loss, as a fraction of the loss


@dataclass(frozen=True)
class BadMinimum:
    """A constructed local minimum, its loss, and the evidence that it is a minimum.

    cost: loss at the minimum. good: loss at the parameters that were passed. gradient_norm: at the minimum.
    lowest: smallest change of the loss over `tried` small random steps, as a fraction of the loss.
    theta: parameters at the minimum.
    """

    cost: float
    good: float
    gradient_norm: float
    lowest: float
    tried: int
    theta: tuple[Tensor, ...]

    @property
    def is_minimum(self) -> bool:
        """Return whether the point is a minimum: no random step lowered the loss by more than the rounding error."""
        return isfinite(self.cost) and self.lowest >= -ROUNDING

    @property
    def is_bad(self) -> bool:
        """Return whether the minimum is bad: the loss at the parameters that were passed is lower."""
        return self.good < self.cost * (1 - ROUNDING)


def bad_minimum(loss: Loss, theta: Theta, hidden: Hidden, tried: int = TRIED) -> BadMinimum:
    """Return a local minimum at which all ReLU units of the last hidden layer, `hidden`, output 0.

    Parameters that still affect the loss are fitted.

    Parameters
    ----------
    loss : Loss
        The loss.
    theta : sequence of torch.Tensor
        The parameters at the start.
    hidden : Hidden
        The units of the last hidden layer.
    tried : int
        The number of random steps that test whether the point is a minimum.

    Returns
    -------
    BadMinimum
        The minimum, and the evidence for it.

    Raises
    ------
    ValueError
        If the units cannot be switched off.
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
