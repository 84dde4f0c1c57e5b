"""Fit only the output layer of a network, on fixed random hidden units, which is a convex problem.

With enough random units such a network can approximate any function (Ba, CSC413 lecture 4, Local Minima).
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
    """A fit of the output layer on fixed hidden units, and a test whether the loss of this layer is convex."""

    fit: Fit
    convexity: Convexity


def random_units(loss: Loss, theta: Theta, output: Sequence[int], *, redraw: int | None = 0) -> RandomUnits:
    """Fit the output layer of a network on random hidden units.

    Parameters
    ----------
    loss : Loss
        The loss of the network.
    theta : sequence of torch.Tensor
        The parameters.
    output : sequence of int
        The indices of the output layer's parameters.
    redraw : int or None
        The seed that shuffles the values within each hidden parameter. None leaves the hidden parameters unchanged.

    Returns
    -------
    RandomUnits
        The fit, and the convexity of the loss of the output layer.
    """
    at = [t.detach() for t in theta]
    if redraw is not None:
        at = [t if k in output else _shuffle_values(t, redraw + k) for k, t in enumerate(at)]
    layer = restricted(loss, at, output)
    some = [at[k] for k in output]
    found = minimised(layer, some)
    return RandomUnits(found, convexity(layer, points_about(some)))


def _shuffle_values(tensor: Tensor, seed: int) -> Tensor:
    """Return a tensor of the same shape with the values in random order."""
    order = torch.randperm(tensor.numel(), generator=torch.Generator().manual_seed(seed)).to(tensor.device)
    return tensor.reshape(-1)[order].view_as(tensor)
