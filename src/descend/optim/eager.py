"""Runs a rule as it is written, with torch's own operations, piece by piece so that a piece stays in the cache."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from descend.optim.rule import Rule

PIECE = 1 << 15  # elements: with a rule's temporaries about one megabyte of float32


def step(rule: Rule, tensors: Sequence[Tensor], t: int, hyper: Mapping[str, Any]) -> None:
    """Take one step in place: `tensors` are θ, g and the state, elementwise alike."""
    pieces = zip(*(_pieces(tensor) for tensor in tensors), strict=True)
    for theta, g, *state in pieces:
        change, *held = rule.function(theta, g, t, *state, **hyper)
        theta.add_(change)
        for old, new in zip(state, held, strict=True):
            old.copy_(new)


def _pieces(tensor: Tensor) -> Sequence[Tensor]:
    if not tensor.is_cpu or tensor.numel() <= PIECE or not tensor.is_contiguous():
        return [tensor]
    return tensor.view(-1).split(PIECE)
