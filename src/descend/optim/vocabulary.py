"""What a rule may say besides arithmetic: the same words for numbers, for tensors, and for the compiler's symbols."""

import math
from typing import Any

import torch
from torch import Tensor


def sign(x: Any) -> Any:
    """Return −1, 0 or 1, element by element; NaN stays NaN."""
    return x.sign() if hasattr(x, "sign") else x if math.isnan(x) else float((x > 0) - (x < 0))


def maximum(x: Any, y: Any) -> Any:
    """Return the larger of two, element by element; NaN where either is NaN."""
    if isinstance(x, Tensor) or isinstance(y, Tensor):
        return torch.maximum(*_alike(x, y))
    if hasattr(x, "maximum") or hasattr(y, "maximum"):
        return x.maximum(y) if hasattr(x, "maximum") else y.maximum(x)
    return math.nan if math.isnan(x) or math.isnan(y) else max(x, y)


def minimum(x: Any, y: Any) -> Any:
    """Return the smaller of two, element by element; NaN where either is NaN."""
    return -maximum(-x, -y)


def where(condition: Any, x: Any, y: Any) -> Any:
    """Return x where the condition holds and y elsewhere."""
    if isinstance(condition, Tensor):
        numbers = not isinstance(x, Tensor) and not isinstance(y, Tensor)
        wide = torch.full((), x, dtype=torch.float64, device=condition.device) if numbers else x
        return torch.where(condition != 0, wide, y)
    return condition.where(x, y) if hasattr(condition, "where") else (x if condition else y)


def norm(x: Any) -> Any:
    """Return the Euclidean norm of a whole tensor: one number, wider than 16 bits."""
    if isinstance(x, Tensor):
        return torch.linalg.vector_norm(x, dtype=torch.float32 if x.dtype.itemsize == 2 else None)
    return x.norm() if hasattr(x, "norm") else abs(x)


def cos(x: Any) -> Any:
    """Return the cosine."""
    return x.cos() if hasattr(x, "cos") else math.cos(x)


def _alike(x: Any, y: Any) -> tuple[Tensor, Tensor]:
    like = x if isinstance(x, Tensor) else y
    return tuple(v if isinstance(v, Tensor) else torch.full_like(like, v) for v in (x, y))  # type: ignore[return-value]
