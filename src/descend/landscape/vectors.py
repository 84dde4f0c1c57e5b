"""A list of parameter tensors as one vector, and back."""

from collections.abc import Sequence

import torch
from torch import Tensor


def flat(tensors: Sequence[Tensor]) -> Tensor:
    """Return all values in one row, in float32 or float64."""
    row = torch.cat([t.detach().reshape(-1) for t in tensors])
    return row if row.dtype == torch.float64 else row.float()


def row_bytes(tensors: Sequence[Tensor]) -> int:
    """Return how many bytes all values in one row take."""
    return sum(t.numel() for t in tensors) * (8 if any(t.dtype == torch.float64 for t in tensors) else 4)


def shaped(row: Tensor, like: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Return the row's pieces, shaped and typed as the tensors."""
    pieces = row.split([t.numel() for t in like])
    return tuple(piece.view_as(t).to(t.dtype) for piece, t in zip(pieces, like))


def normal_like(row: Tensor, seed: int = 0) -> Tensor:
    """Return a row of standard normal values, from a generator of its own: nobody's random numbers are used up."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(row.shape, generator=generator).to(row)


def signs_like(row: Tensor, seed: int) -> Tensor:
    """Return a row of +1 and −1 with equal chances, from a generator of its own."""
    generator = torch.Generator().manual_seed(seed)
    return (2 * torch.randint(2, row.shape, generator=generator) - 1).to(row)
