"""Training with parameters that are sharded over processes: what is not measured, so that no process waits."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

SHARDED = (
    "the parameters are sharded over several processes, and no process has their whole values outside of a pass; "
    "run the script without sharding to measure more"
)
NAMESPACES = ("_c10d_functional", "c10d")  # operations that all processes of a group must call


class _NoCollectives(TorchDispatchMode):
    """A mode in which an operation of all processes raises an error instead of waiting for them.

    A sharded tensor starts such an operation when its norm or its whole value is read.
    """

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Call an operation. Raises `RuntimeError` for an operation of all processes."""
        from torch.distributed.tensor import DTensor

        if func.namespace in NAMESPACES:
            raise RuntimeError(f"{func} would wait for processes that do not take this measurement")
        if any(issubclass(kind, DTensor) for kind in types):
            return NotImplemented  # The sharded tensor then calls its own operations, which come here, too.
        return func(*args, **(kwargs or {}))


def is_sharded(parameter: Tensor) -> bool:
    """Return whether a process has only a part of a parameter, as with `fully_shard` or tensor parallelism."""
    if "torch.distributed.tensor" not in sys.modules:
        return False
    from torch.distributed.tensor import DTensor

    return isinstance(parameter, DTensor)


def without_collectives() -> AbstractContextManager[Any]:
    """Return a context in which no measurement waits for other processes; it costs nothing without sharded tensors."""
    return _NoCollectives() if "torch.distributed.tensor" in sys.modules else nullcontext()
