"""Copies of data that share memory within themselves as the original does."""

import torch
from torch import Tensor, nn

WIDEST = 4  # a copy with the original's strides may take this many times its elements' memory


def strided_copy(tensor: Tensor) -> Tensor:
    """Return a detached copy with the strides of `tensor`: whether `reshape` gives a view or a copy hangs on them.

    A thin slice of something much larger is copied densely.
    """
    with torch.no_grad():
        plain = type(tensor) in (Tensor, nn.Parameter) and tensor.layout is torch.strided
        if not plain or not tensor.numel():
            return tensor.detach().clone()
        span = 1 + sum((size - 1) * stride for size, stride in zip(tensor.size(), tensor.stride()))
        if span > WIDEST * tensor.numel() or tensor.is_quantized:
            return tensor.detach().clone()
        memory = tensor.detach().as_strided((span,), (1,)).clone()
        copy = torch.empty(0, dtype=tensor.dtype, device=tensor.device)  # no view: those refuse writes later
        return copy.set_(memory.untyped_storage(), 0, tensor.size(), tensor.stride())


def is_strided_as(copy: Tensor, tensor: Tensor) -> bool:
    """Whether a copy shares memory within itself as the original does."""
    return copy.layout is not torch.strided or copy.stride() == tensor.stride()
