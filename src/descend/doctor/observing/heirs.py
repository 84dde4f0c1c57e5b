"""What is made of some tensors: a step by hand makes the new parameters of the gradient, a mere look at it does not."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from descend.doctor.tape import at_the_bottom, take_off
from descend.doctor.tape.nesting import leaves


class Heirs(TorchFunctionMode):
    """Follows, while it lasts, the calls that are given `sources` or what such calls have made."""

    def __init__(self, sources: Iterable[Tensor]) -> None:
        super().__init__()
        self._made: dict[int, Tensor] = {}  # by memory; kept, so that no other tensor takes its place
        self._take(sources)

    def begin(self) -> None:
        """Follow from here on."""
        at_the_bottom(self)

    def end(self) -> None:
        """Follow no further."""
        take_off(self)

    def include(self, tensors: Sequence[Tensor]) -> bool:
        """Whether any of the tensors is made of the sources."""
        return any(memory_of(tensor) in self._made for tensor in tensors)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Make the call; what it gives or changes is made of what it is given."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        given = tensors_in((args, kwargs))
        if self.include(given):
            name = getattr(func, "__name__", "")
            changes = name.endswith("_") or name == "__set__"  # `add_`, `__setitem__`; `.data = …`
            self._take([*tensors_in(result), *(tensors_in(args[:1]) if changes else ())])
        return result

    def _take(self, tensors: Iterable[Tensor]) -> None:
        self._made.update({memory_of(tensor): tensor for tensor in tensors})


def tensors_in(tree: Any) -> list[Tensor]:
    """Return the tensors among a call's arguments, or its results."""
    return [leaf for leaf in leaves(tree) if isinstance(leaf, Tensor)]


def memory_of(tensor: Tensor) -> int:
    """Return what tells the memory of a tensor, which its views share, from that of others."""
    try:
        return int(torch.Tensor.untyped_storage(tensor)._cdata)
    except (RuntimeError, NotImplementedError):  # sparse tensors have none, nor has what a function transform wraps
        return id(tensor)
