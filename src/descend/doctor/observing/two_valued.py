"""Which of a step's variables hold one of two numbers for each example: 0 and 1, or -1 and 1, as labels are written."""

from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

import torch
from torch import Tensor

from descend.doctor.record import Fact, facts

PAIRS = ((0, 1), (-1, 1))
MOST = 100_000  # numbers that are looked at


def two_valued(frame: FrameType | None, step: int) -> Iterator[Fact]:
    """Yield a fact of that name for each such variable of a frame, in the order in which they were first given."""
    values: Mapping[str, Any] = {} if frame is None else dict(frame.f_locals)
    for name, value in values.items():
        if isinstance(value, Tensor) and (pair := _pair(value)) is not None:
            yield Fact.of(facts.TwoValued(*pair), step, name)


def _pair(value: Tensor) -> tuple[int, int] | None:
    is_plain = type(value) is Tensor and value.layout == torch.strided and not value.requires_grad
    if not is_plain or value.dtype in (torch.bool, torch.uint8) or value.is_complex():
        return None
    if not 1 < value.numel() <= MOST or value.ndim > 2 or value.ndim == 2 and value.shape[1] > 1:
        return None
    for low, high in PAIRS:
        is_low, is_high = value == low, value == high
        if bool((is_low | is_high).all()) and bool(is_low.any()) and bool(is_high.any()):
            return low, high
    return None
