"""Proxies for parameters that a script creates again in each step: `params = [p - lr * g for p, g in zip(...)]`.

The recording of a step is a function of its parameters and is evaluated at those of later steps. If a script uses new
tensors of the same shapes in each step, copies of ours replace all of them and receive their current values.
"""

import weakref
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


class ParameterProxies:
    """Replaces parameters by fixed copies, if the script creates new tensors for them in each step."""

    def __init__(self) -> None:
        self._last: dict[Any, list[weakref.ref[Tensor]]] = {}  # shapes, dtypes, devices -> tensors of the last pass
        self._proxies: dict[Any, tuple[Tensor, ...]] = {}

    def record_tensors(self, tensors: Sequence[Tensor]) -> None:
        """Record the tensors of a backward pass, and copy them if they are new ones of the same shapes as the last."""
        kind = _shapes_and_types(tensors)
        last = [found() for found in self._last.get(kind, ())]
        is_new = bool(last) and not {id(tensor) for tensor in last} & {id(tensor) for tensor in tensors}
        if is_new and kind not in self._proxies:
            self._proxies[kind] = tuple(t.detach().clone().requires_grad_(t.is_floating_point()) for t in tensors)
        self._last[kind] = [weakref.ref(tensor) for tensor in tensors]

    def replace_tensors(self, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return fixed copies with the tensors' values, or the tensors themselves if the script keeps them."""
        self.record_tensors(tensors)
        proxies = self._proxies.get(_shapes_and_types(tensors))
        if proxies is None:
            return tuple(tensors)
        with torch.no_grad():
            for proxy, tensor in zip(proxies, tensors):
                proxy.copy_(tensor)
        return proxies


def _shapes_and_types(tensors: Sequence[Tensor]) -> Any:
    """Return (shape, dtype, device) of each tensor."""
    return tuple((tensor.shape, tensor.dtype, tensor.device) for tensor in tensors)
