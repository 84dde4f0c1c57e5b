"""The precision of a step: parameters, gradients and states of 16 bits are converted to float32 for the computation.

In float16, an eps of 1e-8 is 0. In bfloat16, a running mean with a decay factor of 0.999 does not change.
"""

from typing import Any

import torch
from torch import Tensor


def wide_dtype(dtype: torch.dtype) -> torch.dtype:
    """Return float32 for a dtype of 16 bits, and every other dtype unchanged."""
    return torch.float32 if dtype.itemsize == 2 else dtype


def at_least_32_bits(value: Any) -> Any:
    """Return a 16-bit tensor in float32, and other tensors and numbers unchanged."""
    return value.to(wide_dtype(value.dtype)) if isinstance(value, Tensor) else value
