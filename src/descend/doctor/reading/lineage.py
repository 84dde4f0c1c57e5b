"""Parameters that are made anew at each step: `params = [p - lr * g for p, g in zip(params, grads)]`.

What is recorded of a step is a function of its parameters, and is to be read at those of later steps. So where a
pass is taken by tensors of the last one's shapes, and by none of the same, copies of ours stand for both: they have
the values of whatever the script has in its hands.
"""

import weakref
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


class Lineage:
    """The tensors by which passes are taken, in the order in which the script gives them."""

    def __init__(self) -> None:
        self._last: dict[Any, list[weakref.ref[Tensor]]] = {}  # by their shapes
        self._stands: dict[Any, tuple[Tensor, ...]] = {}

    def follow(self, tensors: Sequence[Tensor]) -> None:
        """Take note of a pass by these tensors."""
        kind = _kind(tensors)
        last = [found() for found in self._last.get(kind, ())]
        is_new = bool(last) and not {id(tensor) for tensor in last} & {id(tensor) for tensor in tensors}
        if is_new and kind not in self._stands:
            self._stands[kind] = tuple(t.detach().clone().requires_grad_(t.is_floating_point()) for t in tensors)
        self._last[kind] = [weakref.ref(tensor) for tensor in tensors]

    def stand_ins(self, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return what stands for the tensors of the present pass, with their values: themselves where they stay."""
        self.follow(tensors)
        stands = self._stands.get(_kind(tensors))
        if stands is None:
            return tuple(tensors)
        with torch.no_grad():
            for stand, tensor in zip(stands, tensors):
                stand.copy_(tensor)
        return stands


def _kind(tensors: Sequence[Tensor]) -> Any:
    return tuple((tensor.shape, tensor.dtype, tensor.device) for tensor in tensors)
