"""Hidden units that stay random, with the output layer fitted to its best: a convex problem, and what it costs.

With enough of them that is said to approximate any function (Ba, CSC413 lecture 4, Local Minima).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from descend.landscape.convexity import Convexity, convexity, points_about, restricted
from descend.landscape.fitting import Fit, minimised
from descend.landscape.loss import Loss, Theta


@dataclass(frozen=True)
class RandomUnits:
    """What the output layer reaches alone, on hidden units that stay as they are; and whether that is convex."""

    fit: Fit
    convexity: Convexity


def random_units(loss: Loss, theta: Theta, output: Sequence[int], *, redraw: int | None = 0) -> RandomUnits:
    """Return the best cost of the output layer's parameters (by their numbers) on random hidden units.

    The hidden parameters are the given ones with their values in random order by the seed `redraw`, each tensor for
    itself; as given where it is None.
    """
    at = [t.detach() for t in theta]
    if redraw is not None:
        at = [t if k in output else _in_random_order(t, redraw + k) for k, t in enumerate(at)]
    layer = restricted(loss, at, output)
    some = [at[k] for k in output]
    found = minimised(layer, some)
    return RandomUnits(found, convexity(layer, points_about(some)))


def _in_random_order(tensor: Tensor, seed: int) -> Tensor:
    order = torch.randperm(tensor.numel(), generator=torch.Generator().manual_seed(seed)).to(tensor.device)
    return tensor.reshape(-1)[order].view_as(tensor)
