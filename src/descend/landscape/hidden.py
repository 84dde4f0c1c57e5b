"""Find the parameters of a layer's hidden units, and change them without changing the network's function.

Every order of the units gives the same function. If the units are positively homogeneous (relu(a·z) = a·relu(z) for
a > 0), so does scaling the incoming weights and dividing the outgoing weights by the same factor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import lgamma, log

import torch
from torch import Tensor

from descend.landscape.loss import Theta


@dataclass(frozen=True)
class Axis:
    """A dimension of a parameter along which the hidden units of a layer are stored.

    Parameters
    ----------
    index : int
        The number of the parameter.
    axis : int
        The dimension.
    block : int
        The number of entries for each unit.
    """

    index: int
    axis: int
    block: int = 1


@dataclass(frozen=True)
class Hidden:
    """The units of a hidden layer, or of several layers whose outputs are summed, and their parameters.

    Parameters
    ----------
    count : int
        The number of units.
    axes : tuple of Axis
        All parameter dimensions that are permuted with the units.
    incoming : tuple of Axis
        The parameters that are multiplied when a unit is scaled. Empty if the units are not known to be homogeneous.
    outgoing : tuple of Axis
        The parameters that are divided when a unit is scaled. Empty if the units are not known to be homogeneous.
    """

    count: int
    axes: tuple[Axis, ...]
    incoming: tuple[Axis, ...] = ()
    outgoing: tuple[Axis, ...] = ()

    @property
    def is_homogeneous(self) -> bool:
        """Return whether the units' weights can be rescaled without changing the network's function."""
        return bool(self.incoming and self.outgoing)

    @property
    def log10_orders(self) -> float:
        """Return the decimal logarithm of the number of possible orders of the units, which is K! for K units."""
        return lgamma(self.count + 1) / log(10)


def random_order(hidden: Hidden, seed: int) -> Tensor:
    """Return a random order of the hidden units, ``(units,)``, without changing the global random state."""
    return torch.randperm(hidden.count, generator=torch.Generator().manual_seed(seed))


def permuted(theta: Theta, hidden: Hidden, order: Tensor) -> list[Tensor]:
    """Return the parameters of a network with its hidden units in the given `order`, ``(units,)``.

    Parameters
    ----------
    theta : sequence of torch.Tensor
        The parameters.
    hidden : Hidden
        The units.
    order : torch.Tensor
        The new order of the units, of shape ``(units,)``.

    Returns
    -------
    list of torch.Tensor
        The permuted parameters.

    Raises
    ------
    ValueError
        If the order is not a permutation.
    """
    if sorted(order.tolist()) != list(range(hidden.count)):
        raise ValueError(f"an order of {hidden.count} units must contain each unit once, unlike {order.tolist()}")
    changed = [t.detach() for t in theta]
    for place in hidden.axes:
        changed[place.index] = changed[place.index].index_select(place.axis, _entry_indices(order, place, changed))
    return changed


def averaged(theta: Theta, hidden: Hidden) -> list[Tensor]:
    """Return the mean of the parameters over all orders of the hidden units: each unit becomes the mean unit.

    A recurrent matrix, from the units to themselves, gets one mean for its diagonal and one for all other entries.
    Reference: Ba, CSC413 lecture 4, Local Minima.

    Parameters
    ----------
    theta : sequence of torch.Tensor
        The parameters.
    hidden : Hidden
        The units.

    Returns
    -------
    list of torch.Tensor
        The mean parameters.
    """
    changed = [t.detach() for t in theta]
    for index in {place.index for place in hidden.axes}:
        places = [place for place in hidden.axes if place.index == index]
        changed[index] = _mean_over_orders(changed[index], hidden.count, places)
    return changed


def scaled(theta: Theta, hidden: Hidden, factor: float | Tensor) -> list[Tensor]:
    """Return parameters in which `factor` multiplies the hidden units' incoming weights and divides outgoing ones.

    Homogeneous units keep the function unchanged (Dinh et al. 2017, definition 5).

    Parameters
    ----------
    theta : sequence of torch.Tensor
        The parameters.
    hidden : Hidden
        The units.
    factor : float or torch.Tensor
        One number for all units, or one for each, of shape ``(units,)``.

    Returns
    -------
    list of torch.Tensor
        The scaled parameters.

    Raises
    ------
    ValueError
        If the units are not homogeneous, or a factor is not positive.
    """
    if not hidden.is_homogeneous:
        raise ValueError("the units are not known to be positively homogeneous: scaling them could change the function")
    factors = torch.as_tensor(factor, dtype=torch.float64).expand(hidden.count)
    if not bool((factors > 0).all() and factors.isfinite().all()):
        raise ValueError(f"the factor of a unit must be a positive number, not {factor}")
    changed = [t.detach() for t in theta]
    for places, powers in ((hidden.incoming, factors), (hidden.outgoing, 1 / factors)):
        for place in places:
            changed[place.index] = _scaled_entries(changed[place.index], place, powers)
    return changed


def switched_off(theta: Theta, hidden: Hidden) -> list[Tensor]:
    """Return parameters in which the ReLU units always output 0: their weights are 0 and their biases −1.

    Raises `ValueError` if the units have no bias or are not homogeneous.
    """
    biases = [place for place in hidden.incoming if theta[place.index].ndim == 1]
    if not biases:
        raise ValueError("ReLU units can only be switched off by their biases, but these units have no bias")
    changed = [t.detach() for t in theta]
    for place in hidden.incoming:
        changed[place.index] = torch.zeros_like(changed[place.index])
    changed[biases[-1].index] = torch.full_like(changed[biases[-1].index], -1.0)
    return changed


def _entry_indices(order: Tensor, place: Axis, theta: Sequence[Tensor]) -> Tensor:
    """Return the indices that put a parameter's entries along the axis `place` in the given order of the units."""
    entries = order[:, None] * place.block + torch.arange(place.block)
    return entries.reshape(-1).to(theta[place.index].device)


def _scaled_entries(tensor: Tensor, place: Axis, factors: Tensor) -> Tensor:
    """Return a parameter with the entries of each hidden unit multiplied by one of the `factors`, ``(units,)``."""
    sizes = [1] * tensor.ndim
    sizes[place.axis] = -1
    return tensor * factors.repeat_interleave(place.block).to(tensor).view(sizes)


def _mean_over_orders(tensor: Tensor, count: int, places: Sequence[Axis]) -> Tensor:
    """Return the mean of a parameter over all orders of the hidden units, which one or two of its axes contain."""
    if len(places) == 1:
        (place,) = places
        blocks = tensor.unflatten(place.axis, (count, place.block))
        return blocks.mean(place.axis, keepdim=True).expand_as(blocks).flatten(place.axis, place.axis + 1)
    # A recurrent matrix W is permuted on both sides: P W Pᵀ.
    first, second = sorted(places, key=lambda place: place.axis)
    blocks = tensor.unflatten(second.axis, (count, second.block)).unflatten(first.axis, (count, first.block))
    square = blocks.movedim((first.axis, second.axis + 1), (0, 1))
    own = torch.eye(count, dtype=torch.bool, device=tensor.device)
    mean = torch.empty_like(square)
    mean[own] = square[own].mean(0)
    mean[~own] = square[~own].mean(0) if count > 1 else mean[~own]
    back = mean.movedim((0, 1), (first.axis, second.axis + 1))
    return back.flatten(second.axis + 1, second.axis + 2).flatten(first.axis, first.axis + 1)
