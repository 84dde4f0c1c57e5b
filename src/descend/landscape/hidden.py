"""The units of a hidden layer: which entries of the parameters are theirs, and what may be done to them unnoticed.

Any order of the units gives the same function; where they are positively homogeneous (relu(a·z) = a·relu(z), a > 0),
so does any scale of what comes in, undone in what goes out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import lgamma, log

import torch
from torch import Tensor

from descend.landscape.loss import Theta


@dataclass(frozen=True)
class Axis:
    """Where the units lie: along `axis` of the parameter numbered `index`, with `block` entries in a row for each."""

    index: int
    axis: int
    block: int = 1


@dataclass(frozen=True)
class Hidden:
    """The units of one hidden layer, or of layers that are added up.

    axes: all that is permuted with them. incoming, outgoing: what is multiplied and divided by their scale; both empty
    where they are not known to be homogeneous.
    """

    count: int
    axes: tuple[Axis, ...]
    incoming: tuple[Axis, ...] = ()
    outgoing: tuple[Axis, ...] = ()

    @property
    def is_homogeneous(self) -> bool:
        """Whether their scale is free."""
        return bool(self.incoming and self.outgoing)

    @property
    def log10_orders(self) -> float:
        """The decimal logarithm of K!, the number of orders of K units."""
        return lgamma(self.count + 1) / log(10)


def random_order(hidden: Hidden, seed: int) -> Tensor:
    """Return an order of the units, (units,), from a generator of its own."""
    return torch.randperm(hidden.count, generator=torch.Generator().manual_seed(seed))


def permuted(theta: Theta, hidden: Hidden, order: Tensor) -> list[Tensor]:
    """Return the parameters with the units in that order, (units,). Raises `ValueError` where it is none of theirs."""
    if sorted(order.tolist()) != list(range(hidden.count)):
        raise ValueError(f"an order of {hidden.count} units names each of them once, not {order.tolist()}")
    changed = [t.detach() for t in theta]
    for place in hidden.axes:
        changed[place.index] = changed[place.index].index_select(place.axis, _entries(order, place, changed))
    return changed


def averaged(theta: Theta, hidden: Hidden) -> list[Tensor]:
    """Return the mean of the parameters over all K! orders of the units: each unit becomes the mean unit.

    (Ba, CSC413 lecture 4, Local Minima.) A matrix from the units to themselves keeps the mean of its diagonal there.
    """
    changed = [t.detach() for t in theta]
    for index in {place.index for place in hidden.axes}:
        places = [place for place in hidden.axes if place.index == index]
        changed[index] = _mean_over_orders(changed[index], hidden.count, places)
    return changed


def scaled(theta: Theta, hidden: Hidden, factor: float | Tensor) -> list[Tensor]:
    """Return the parameters with the units `factor` times as large, one number or (units,), and undone behind them.

    Dinh et al. 2017, definition 5: where the units are homogeneous the function stays as it is. Raises `ValueError`.
    """
    if not hidden.is_homogeneous:
        raise ValueError("these units are not known to be positively homogeneous: their scale is not free")
    factors = torch.as_tensor(factor, dtype=torch.float64).expand(hidden.count)
    if not bool((factors > 0).all() and factors.isfinite().all()):
        raise ValueError(f"the factor of a unit must be a positive number, not {factor}")
    changed = [t.detach() for t in theta]
    for places, powers in ((hidden.incoming, factors), (hidden.outgoing, 1 / factors)):
        for place in places:
            changed[place.index] = _times(changed[place.index], place, powers)
    return changed


def switched_off(theta: Theta, hidden: Hidden) -> list[Tensor]:
    """Return the parameters with rectified units that give 0 whatever the input: weights 0 and biases −1.

    Raises `ValueError` where the units have no bias or are not homogeneous.
    """
    biases = [place for place in hidden.incoming if theta[place.index].ndim == 1]
    if not biases:
        raise ValueError("rectified units are switched off by their biases, and these have none")
    changed = [t.detach() for t in theta]
    for place in hidden.incoming:
        changed[place.index] = torch.zeros_like(changed[place.index])
    changed[biases[-1].index] = torch.full_like(changed[biases[-1].index], -1.0)
    return changed


def _entries(order: Tensor, place: Axis, theta: Sequence[Tensor]) -> Tensor:
    entries = order[:, None] * place.block + torch.arange(place.block)
    return entries.reshape(-1).to(theta[place.index].device)


def _times(tensor: Tensor, place: Axis, factors: Tensor) -> Tensor:
    sizes = [1] * tensor.ndim
    sizes[place.axis] = -1
    return tensor * factors.repeat_interleave(place.block).to(tensor).view(sizes)


def _mean_over_orders(tensor: Tensor, count: int, places: Sequence[Axis]) -> Tensor:
    if len(places) == 1:
        (place,) = places
        blocks = tensor.unflatten(place.axis, (count, place.block))
        return blocks.mean(place.axis, keepdim=True).expand_as(blocks).flatten(place.axis, place.axis + 1)
    first, second = sorted(places, key=lambda place: place.axis)  # of one matrix: P W Pᵀ
    blocks = tensor.unflatten(second.axis, (count, second.block)).unflatten(first.axis, (count, first.block))
    square = blocks.movedim((first.axis, second.axis + 1), (0, 1))
    own = torch.eye(count, dtype=torch.bool, device=tensor.device)
    mean = torch.empty_like(square)
    mean[own] = square[own].mean(0)
    mean[~own] = square[~own].mean(0) if count > 1 else mean[~own]
    back = mean.movedim((0, 1), (first.axis, second.axis + 1))
    return back.flatten(second.axis + 1, second.axis + 2).flatten(first.axis, first.axis + 1)
