"""Copies of tensors that keep the memory layout (strides and overlaps) of the original."""

import torch
from torch import Tensor, nn

WIDEST = 4  # A copy with the original's strides uses at most this multiple of a dense copy's memory.


def strided_copy(tensor: Tensor) -> Tensor:
    """Return a detached copy with the same strides, since strides decide whether `reshape` returns a view or a copy.

    A thin slice of a much larger tensor is copied densely instead.
    """
    with torch.no_grad():
        plain = type(tensor) in (Tensor, nn.Parameter) and tensor.layout is torch.strided
        if not plain or not tensor.numel():
            return tensor.detach().clone()
        span = 1 + sum((size - 1) * stride for size, stride in zip(tensor.size(), tensor.stride()))
        if span > WIDEST * tensor.numel() or tensor.is_quantized:
            return tensor.detach().clone()
        memory = tensor.detach().as_strided((span,), (1,)).clone()
        # The copy must not be a view, because torch would refuse some later in-place writes to it.
        copy = torch.empty(0, dtype=tensor.dtype, device=tensor.device)
        return copy.set_(memory.untyped_storage(), 0, tensor.size(), tensor.stride())


def is_strided_as(copy: Tensor, tensor: Tensor) -> bool:
    """Return whether a copy has the same strides as the original, and therefore the same overlaps in memory."""
    return copy.layout is not torch.strided or copy.stride() == tensor.stride()
