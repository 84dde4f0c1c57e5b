"""Raise errors for invalid arguments on the CPU, where the GPU would fail a device-side assertion.

A failed device-side assertion makes the CUDA context unusable, which would end the user's script. When a step is
replayed with other values, calls that can fail in this way run on the CPU first. An index out of range or an invalid
probability then raises an ordinary exception, and the GPU never sees the call.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from descend.core.operations import Trait, having
from descend.doctor.tape.nesting import leaves, map_leaves
from descend.doctor.tape.trace import is_wrapped

# A GPU checks the arguments of these calls itself. If the check fails, no later call on the GPU works.
_PROBABILITIES = having(Trait.TAKES_PROBABILITIES)
_INDICES = frozenset(name.strip("_") for name in having(Trait.INDEXED))


def is_on_gpu(tensors: Iterable[Tensor]) -> bool:
    """Return whether any of the tensors is on a GPU."""
    return any(tensor.is_cuda for tensor in tensors)


def check_on_cpu(name: str, func: Any, args: tuple, kwargs: Mapping[str, Any]) -> None:
    """Raise the error that a call would raise on the CPU if its arguments have values outside its domain.

    Do nothing for calls that do not check values. For indexing calls, other tensors are replaced by zeros
    of the same shape, which saves copying them.
    """
    plain = name.strip("_")
    given = [leaf for leaf in leaves((args, dict(kwargs))) if isinstance(leaf, Tensor)]
    if plain not in _PROBABILITIES | _INDICES or any(map(is_wrapped, given)):
        return
    writes = name.endswith("_") and name != "__getitem__"

    def on_cpu(leaf: Any) -> Any:
        """Return a CPU copy of a tensor whose values are checked, and zeros of the same shape for other tensors."""
        if not isinstance(leaf, Tensor):
            return leaf
        if plain in _PROBABILITIES or not (leaf.is_floating_point() or leaf.is_complex()):
            copy = leaf.detach().cpu()
            return copy.float() if copy.is_floating_point() else copy.clone() if writes else copy
        return torch.zeros(leaf.shape) if writes else torch.zeros(()).expand(leaf.shape)

    others = {key: value for key, value in kwargs.items() if key not in ("generator", "device", "out")}
    try:
        with torch.no_grad():
            func(*map_leaves(on_cpu, args), **map_leaves(on_cpu, others))
    except NotImplementedError:
        pass  # The CPU does not implement this call, so there is nothing to check.
