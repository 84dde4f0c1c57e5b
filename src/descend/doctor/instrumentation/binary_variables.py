"""Find variables of a training step that hold binary labels: 0 and 1, or -1 and 1."""

from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

import torch
from torch import Tensor

from descend.doctor.record import Fact, facts

PAIRS = ((0, 1), (-1, 1))
MOST = 100_000  # Tensors with more elements are not compared with the label values.


def find_binary_variables(frame: FrameType | None, step: int) -> Iterator[Fact]:
    """Yield a message for each local variable that is a tensor with only two values, such as labels of 0 and 1."""
    values: Mapping[str, Any] = {} if frame is None else dict(frame.f_locals)
    for name, value in values.items():
        if isinstance(value, Tensor) and (pair := _label_values(value)) is not None:
            yield Fact.of(facts.TwoValued(*pair), step, name)


def _label_values(value: Tensor) -> tuple[int, int] | None:
    """Return the label values, (0, 1) or (-1, 1), of a tensor with one label per example; None for other tensors."""
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
