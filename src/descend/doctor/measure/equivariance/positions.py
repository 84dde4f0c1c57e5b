"""Where the examples of a batch are in a tensor, found by comparing it with its value for a permuted batch.

A position names the axes along which a tensor has one entry, or one block of entries, for each example. An axis of
size N, 3N or N·T holds the examples as one factor of its size: (outer, N, inner). A matrix of all pairs of examples
has two such axes. The empty position () is a tensor that does not depend on the order of the examples.
"""

from collections.abc import Iterable, Iterator
from itertools import combinations, product

import torch
from torch import Tensor

Axis = tuple[int, int]  # an axis, and the outer factor of its size
Position = tuple[Axis, ...]
ROUNDED = 1e-6  # A change below this share of a tensor's largest value is rounding in float64,
ROUNDED_SUM = 1e-12  # and so is a change below this share of the largest value that a sum is computed from.


def positions_of(tensor: Tensor, permuted: Tensor, order: Tensor, scale: float) -> frozenset[Position]:
    """Return the positions along which `permuted` is `tensor` with its examples in the given order.

    tensor, permuted: the same result for a batch, and for the batch with its examples permuted.
    order: shape (N,), the permutation.
    scale: the largest value that the result is computed from, for the rounding of sums that are almost zero.
    """
    if tensor.shape != permuted.shape:
        return frozenset()
    return frozenset(
        position
        for position in _candidates(tensor.shape, len(order))
        if _is_close(permute(tensor, position, order), permuted, scale)
    )


def permute(tensor: Tensor, position: Position, order: Tensor) -> Tensor:
    """Return the tensor with its examples, which are at a position, in the given order of shape (N,)."""
    for axis, outer in position:
        size = tensor.shape[axis]
        blocks = tensor.unflatten(axis, (outer, len(order), size // (outer * len(order))))
        tensor = blocks[(slice(None),) * (axis + 1) + (order,)].flatten(axis, axis + 2)
    return tensor


def _candidates(shape: torch.Size, count: int) -> Iterator[Position]:
    """Yield the positions that are possible for a shape, and () for a tensor that does not depend on the order."""
    yield ()
    axes = [axis for axis, size in enumerate(shape) if size and size % count == 0]
    for axis in axes:
        times = shape[axis] // count
        yield from (((axis, outer),) for outer in range(1, times + 1) if times % outer == 0)
    ends = [[(axis, outer) for outer in {1, shape[axis] // count}] for axis in axes]
    yield from (pair for one, other in combinations(ends, 2) for pair in product(one, other))


def _is_close(one: Tensor, other: Tensor, scale: float) -> bool:
    """Return whether two tensors are equal except for rounding in float64."""
    if not one.is_floating_point():
        return torch.equal(one, other)
    is_finite = one.isfinite()
    if not torch.equal(is_finite, other.isfinite()):
        return False
    one, other = one[is_finite], other[is_finite]
    return not one.numel() or bool((one - other).abs().max() <= ROUNDED * one.abs().max() + ROUNDED_SUM * scale)


def is_rounding(value: Tensor, scale: float) -> bool:
    """Return whether a scalar is so close to zero that only rounding may be left of it."""
    return float(value.abs()) <= ROUNDED_SUM * scale


def largest_value(tensors: Iterable[Tensor]) -> float:
    """Return the largest finite absolute value in the floating-point tensors; 0 without one."""
    finite = [x[x.isfinite()] for x in tensors if x.is_floating_point()]
    return max((float(x.abs().max()) for x in finite if x.numel()), default=0.0)
