"""Functions that an update rule may call besides arithmetic, for numbers, tensors and the compiler's symbols."""

import math
from typing import Any

import torch
from torch import Tensor


def sign(x: Any) -> Any:
    """Return the sign (−1, 0 or 1) of each element of x; NaN stays NaN.

    Parameters
    ----------
    x : float, torch.Tensor or symbol
        The argument.

    Returns
    -------
    float, torch.Tensor or symbol
        The signs, of the shape of x.
    """
    return x.sign() if hasattr(x, "sign") else x if math.isnan(x) else float((x > 0) - (x < 0))


def maximum(x: Any, y: Any) -> Any:
    """Return the larger of x and y, element by element; NaN where either is NaN.

    Parameters
    ----------
    x : float, torch.Tensor or symbol
        The first operand.
    y : float, torch.Tensor or symbol
        The second operand.

    Returns
    -------
    float, torch.Tensor or symbol
        The larger values.
    """
    if isinstance(x, Tensor) or isinstance(y, Tensor):
        return torch.maximum(*_as_tensors(x, y))
    if hasattr(x, "maximum") or hasattr(y, "maximum"):
        return x.maximum(y) if hasattr(x, "maximum") else y.maximum(x)
    return math.nan if math.isnan(x) or math.isnan(y) else max(x, y)


def minimum(x: Any, y: Any) -> Any:
    """Return the smaller of x and y, element by element; NaN where either is NaN.

    Parameters
    ----------
    x : float, torch.Tensor or symbol
        The first operand.
    y : float, torch.Tensor or symbol
        The second operand.

    Returns
    -------
    float, torch.Tensor or symbol
        The smaller values.
    """
    return -maximum(-x, -y)


def where(condition: Any, x: Any, y: Any) -> Any:
    """Return x where the condition is true and y elsewhere, element by element.

    Parameters
    ----------
    condition : bool, torch.Tensor or symbol
        The condition.
    x : float, torch.Tensor or symbol
        The values where the condition is true.
    y : float, torch.Tensor or symbol
        The values elsewhere.

    Returns
    -------
    float, torch.Tensor or symbol
        The selected values.
    """
    if isinstance(condition, Tensor):
        numbers = not isinstance(x, Tensor) and not isinstance(y, Tensor)
        wide = torch.full((), x, dtype=torch.float64, device=condition.device) if numbers else x
        return torch.where(condition != 0, wide, y)
    return condition.where(x, y) if hasattr(condition, "where") else (x if condition else y)


def norm(x: Any) -> Any:
    """Return the Euclidean norm of a whole tensor as one number, computed in at least 32 bits.

    Parameters
    ----------
    x : float, torch.Tensor or symbol
        The tensor.

    Returns
    -------
    float, torch.Tensor or symbol
        The norm, of shape ().
    """
    if isinstance(x, Tensor):
        return torch.linalg.vector_norm(x, dtype=torch.float32 if x.dtype.itemsize == 2 else None)
    return x.norm() if hasattr(x, "norm") else abs(x)


def cos(x: Any) -> Any:
    """Return the cosine of each element of x.

    Parameters
    ----------
    x : float, torch.Tensor or symbol
        The argument, in radians.

    Returns
    -------
    float, torch.Tensor or symbol
        The cosines, of the shape of x.
    """
    return x.cos() if hasattr(x, "cos") else math.cos(x)


def _as_tensors(x: Any, y: Any) -> tuple[Tensor, Tensor]:
    """Return x and y as tensors that broadcast together; at least one of them must be a tensor."""
    like = x if isinstance(x, Tensor) else y
    return tuple(v if isinstance(v, Tensor) else torch.full_like(like, v) for v in (x, y))  # type: ignore[return-value]
