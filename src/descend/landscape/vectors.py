"""Convert a list of parameter tensors to one vector, and back."""

from collections.abc import Sequence

import torch
from torch import Tensor


def flat(tensors: Sequence[Tensor]) -> Tensor:
    """Return the values of all tensors, one after another, as a vector ``(parameters,)`` in float32 or float64."""
    row = torch.cat([t.detach().reshape(-1) for t in tensors])
    return row if row.dtype == torch.float64 else row.float()


def flat_bytes(tensors: Sequence[Tensor]) -> int:
    """Return the number of bytes of a vector with all values of the tensors, in float32 or float64."""
    return sum(t.numel() for t in tensors) * (8 if any(t.dtype == torch.float64 for t in tensors) else 4)


def shaped(row: Tensor, like: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Return the values of a vector ``(parameters,)`` as tensors with the shapes and dtypes of `like`."""
    pieces = row.split([t.numel() for t in like])
    return tuple(piece.view_as(t).to(t.dtype) for piece, t in zip(pieces, like))


def normal_like(row: Tensor, seed: int = 0) -> Tensor:
    """Return standard normal values in the shape of `row`, without changing the global random state."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(row.shape, generator=generator).to(row)


def signs_like(row: Tensor, seed: int) -> Tensor:
    """Return random signs +1 and −1 in the shape of `row`, without changing the global random state."""
    generator = torch.Generator().manual_seed(seed)
    return (2 * torch.randint(2, row.shape, generator=generator) - 1).to(row)
