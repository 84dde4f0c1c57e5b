"""Find which tensors are computed from given tensors: a manual step computes new parameters from the gradients."""

from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

from descend.doctor.tape import push_at_bottom, remove_mode
from descend.doctor.tape.nesting import leaves
from descend.doctor.tape.trace import memory_id


class DerivedTensors(TorchFunctionMode):
    """Collects the tensors that torch calls compute from `sources`, or change in place by them, while it is active."""

    def __init__(self, sources: Iterable[Tensor]) -> None:
        super().__init__()
        # id of a tensor's memory -> the tensor, which is kept alive so that no other tensor gets the same memory
        self._made: dict[int, Tensor] = {}
        self._add_derived(sources)

    def begin(self) -> None:
        """Start to collect derived tensors: activate this function mode."""
        push_at_bottom(self)

    def end(self) -> None:
        """Stop collecting derived tensors: remove this function mode."""
        remove_mode(self)

    def contains_any(self, tensors: Sequence[Tensor]) -> bool:
        """Return whether any of the tensors is a source or was computed from the sources."""
        return any(memory_id(tensor) in self._made for tensor in tensors)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the call; if an argument is derived from the sources, so are its results and the tensors it changes."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        given = tensors_in((args, kwargs))
        if self.contains_any(given):
            name = getattr(func, "__name__", "")
            # Calls such as `add_` and `__setitem__` change their first argument, as does the assignment `.data = …`.
            changes = name.endswith("_") or name == "__set__"
            self._add_derived([*tensors_in(result), *(tensors_in(args[:1]) if changes else ())])
        return result

    def _add_derived(self, tensors: Iterable[Tensor]) -> None:
        """Add tensors to the collection of tensors derived from the sources."""
        self._made.update({memory_id(tensor): tensor for tensor in tensors})


def tensors_in(tree: Any) -> list[Tensor]:
    """Return the tensors among the arguments or results of a torch call."""
    return [leaf for leaf in leaves(tree) if isinstance(leaf, Tensor)]
