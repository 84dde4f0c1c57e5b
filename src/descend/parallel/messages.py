"""Tensors as one row of bytes, which Ray moves without looking into it."""

import warnings
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import torch
from torch import Tensor


def pack(tensors: Sequence[Tensor]) -> Any:
    """Return tensors as an array of bytes, in their order."""
    rows = [t.detach().cpu().reshape(-1).view(torch.uint8) for t in tensors]
    return (torch.cat(rows) if rows else torch.empty(0, dtype=torch.uint8)).numpy()


def unpack(packed: Any, like: Sequence[Tensor]) -> list[Tensor]:
    """Return tensors of the shapes and types of others from their bytes, which must not be written to.

    Raises `ValueError` for bytes that are not as many.
    """
    ends = list(accumulate((t.numel() * t.element_size() for t in like), initial=0))
    if len(packed) != ends[-1]:
        raise ValueError(
            f"what is pushed belongs to another model: {len(packed)} bytes, and the server holds {ends[-1]}"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the array is read-only
        row = torch.from_numpy(packed)
    return [
        _aligned(row[start:end], t.element_size()).view(t.dtype).reshape(t.shape)
        for t, (start, end) in zip(like, pairwise(ends))
    ]


def _aligned(row: Tensor, size: int) -> Tensor:
    return row if row.storage_offset() % size == 0 else row.clone()
