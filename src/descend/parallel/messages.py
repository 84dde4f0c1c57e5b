"""Tensors as one row of bytes, which Ray moves without looking into it."""

import warnings
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import torch
from torch import Tensor


def in_a_row(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return copies that lie one after the other in the memory of one device, which `pack` need not copy again."""
    ends = _ends(tensors)
    row = torch.empty(ends[-1], dtype=torch.uint8, device=tensors[0].device if tensors else None)
    copies = [
        _aligned(row[start:end], t.element_size()).view(t.dtype).reshape(t.shape)
        for t, (start, end) in zip(tensors, pairwise(ends))
    ]
    for copy, given in zip(copies, tensors):
        copy.copy_(given.detach())
    return copies


def pack(tensors: Sequence[Tensor]) -> Any:
    """Return tensors as an array of bytes, in their order: their own memory where they lie in a row, or a copy."""
    held = [t.detach().cpu() for t in tensors]
    if _are_in_a_row(held):
        size = sum(t.numel() * t.element_size() for t in held)
        first = held[0].storage_offset() * held[0].element_size()
        return torch.empty(0, dtype=torch.uint8).set_(held[0].untyped_storage(), first, (size,), (1,)).numpy()
    rows = [t.reshape(-1).view(torch.uint8) for t in held]
    return (torch.cat(rows) if rows else torch.empty(0, dtype=torch.uint8)).numpy()


def unpack(packed: Any, like: Sequence[Tensor]) -> list[Tensor]:
    """Return tensors of the shapes and types of others from their bytes, which must not be written to.

    Raises `ValueError` for bytes that are not as many.
    """
    ends = _ends(like)
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


def _ends(tensors: Sequence[Tensor]) -> list[int]:
    return list(accumulate((t.numel() * t.element_size() for t in tensors), initial=0))


def _are_in_a_row(tensors: Sequence[Tensor]) -> bool:
    begins = [t.data_ptr() for t in tensors]
    return (
        bool(tensors)
        and all(t.is_contiguous() and t.numel() for t in tensors)
        and len({t.untyped_storage().data_ptr() for t in tensors}) == 1
        and all(begin - begins[0] == end for begin, end in zip(begins, _ends(tensors)))
    )


def _aligned(row: Tensor, size: int) -> Tensor:
    return row if row.storage_offset() % size == 0 else row.clone()
