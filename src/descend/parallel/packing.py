"""Pack tensors into one array of bytes, which Ray sends without serialising each tensor."""

import warnings
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import torch
from torch import Tensor


def contiguous_copies(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return copies of the tensors in one contiguous block of memory, which `pack` can use without copying."""
    ends = _byte_offsets(tensors)
    row = torch.empty(ends[-1], dtype=torch.uint8, device=tensors[0].device if tensors else None)
    copies = [
        _align_bytes(row[start:end], t.element_size()).view(t.dtype).reshape(t.shape)
        for t, (start, end) in zip(tensors, pairwise(ends))
    ]
    for copy, given in zip(copies, tensors):
        copy.copy_(given.detach())
    return copies


def pack(tensors: Sequence[Tensor]) -> Any:
    """Return the bytes of tensors as one NumPy array, without a copy if the tensors share one contiguous block."""
    held = [t.detach().cpu() for t in tensors]
    if _are_contiguous(held):
        size = sum(t.numel() * t.element_size() for t in held)
        first = held[0].storage_offset() * held[0].element_size()
        return torch.empty(0, dtype=torch.uint8).set_(held[0].untyped_storage(), first, (size,), (1,)).numpy()
    rows = [t.reshape(-1).view(torch.uint8) for t in held]
    return (torch.cat(rows) if rows else torch.empty(0, dtype=torch.uint8)).numpy()


def unpack(packed: Any, like: Sequence[Tensor]) -> list[Tensor]:
    """Return the tensors in an array of packed bytes, read-only and with the shapes and dtypes of `like`.

    Raises `ValueError` if the number of bytes differs.
    """
    ends = _byte_offsets(like)
    if len(packed) != ends[-1]:
        raise ValueError(
            f"the received tensors are of a different model: they have {len(packed)} bytes instead of {ends[-1]}"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch would warn that the array is read-only.
        row = torch.from_numpy(packed)
    return [
        _align_bytes(row[start:end], t.element_size()).view(t.dtype).reshape(t.shape)
        for t, (start, end) in zip(like, pairwise(ends))
    ]


def _byte_offsets(tensors: Sequence[Tensor]) -> list[int]:
    """Return the offset of each tensor in the packed array in bytes, followed by the array's size."""
    return list(accumulate((t.numel() * t.element_size() for t in tensors), initial=0))


def _are_contiguous(tensors: Sequence[Tensor]) -> bool:
    """Return whether the tensors follow each other without gaps in the same storage."""
    begins = [t.data_ptr() for t in tensors]
    return (
        bool(tensors)
        and all(t.is_contiguous() and t.numel() for t in tensors)
        and len({t.untyped_storage().data_ptr() for t in tensors}) == 1
        and all(begin - begins[0] == end for begin, end in zip(begins, _byte_offsets(tensors)))
    )


def _align_bytes(row: Tensor, size: int) -> Tensor:
    """Return the bytes `row`, copied if their offset is not a multiple of `size`, the bytes of one element."""
    return row if row.storage_offset() % size == 0 else row.clone()
