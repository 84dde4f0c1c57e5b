"""One recorded torch call: the function, its arguments, and the active grad and autocast modes."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from descend.doctor.record import Site
from descend.doctor.tape.nesting import map_leaves
from descend.doctor.tape.randomness import RandomState

# A value depends on the parameters in one of three ways: not at all, piecewise constantly (argmax, >), or smoothly.
NONE, DISCRETE, SMOOTH = 0, 1, 2


@dataclass(frozen=True)
class Slot:
    """A placeholder for a tensor among a recorded call's arguments; `index` is the number of the tensor."""

    index: int


@dataclass(frozen=True)
class Stream:
    """A placeholder for a `torch.Generator` argument: a copy of the generator in its state before the call."""

    generator: torch.Generator


@dataclass(frozen=True)
class Origin:
    """Where a recorded torch call comes from: the user's source line, and the module whose `forward` was running."""

    site: Site | None
    module: torch.nn.Module | None


@dataclass(frozen=True)
class State:
    """The grad mode and autocast settings under which a recorded torch call ran."""

    grad: bool
    autocast: tuple[tuple[str, torch.dtype], ...]  # (device type, dtype) for each enabled autocast

    @staticmethod
    def now() -> "State":
        """Return the grad mode and autocast settings that are active now."""
        enabled = tuple(d for d in ("cpu", "cuda") if torch.is_autocast_enabled(d))
        return State(torch.is_grad_enabled(), tuple((d, torch.get_autocast_dtype(d)) for d in enabled))

    @contextmanager
    def activate(self) -> Iterator[None]:
        """Activate this grad mode and autocast inside the `with` block. Gradients that are disabled stay disabled."""
        with ExitStack() as stack:
            stack.enter_context(torch.set_grad_enabled(self.grad and torch.is_grad_enabled()))
            for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
                dtype = dict(self.autocast).get(device)
                stack.enter_context(torch.autocast(device, dtype=dtype, enabled=dtype is not None))
            yield


@dataclass(frozen=True, eq=False)
class Call:
    """A call of a torch function with its arguments. Calls are compared by identity."""

    func: Any
    name: str
    args: Any  # the arguments, with a `Slot` in place of each tensor
    kwargs: Any
    inputs: tuple[int, ...]  # the slots (numbers) of the tensor arguments, in order
    dependences: tuple[int, ...]  # how each input depends on the parameters: NONE, DISCRETE or SMOOTH


@dataclass(frozen=True, eq=False)
class Op(Call):
    """A recorded torch call with its results and its side effects."""

    outputs: tuple[int | None, ...]  # slot (number) of each result; None for a result that is not a tensor
    written: tuple[int, ...]  # the slots of the inputs that the call changed in place
    random: RandomState | None  # the random state before the call, if the call drew random numbers
    state: State
    origin: Origin | None

    @property
    def site(self) -> Site | None:
        """The user's source line that makes the call; None if it is unknown."""
        return self.origin.site if self.origin else None

    def unpack_arguments(self, values: dict[int, Tensor]) -> tuple[tuple, dict]:
        """Return the call's positional and keyword arguments, with the tensor from `values` in place of each `Slot`."""

        def fill(leaf: Any) -> Any:
            """Return the tensor or generator that a placeholder represents."""
            if isinstance(leaf, Slot):
                return values[leaf.index]
            return leaf.generator.clone_state() if isinstance(leaf, Stream) else leaf

        return map_leaves(fill, self.args), map_leaves(fill, self.kwargs)


def pack_arguments(arguments: Any, slots: dict[int, int]) -> Any:
    """Return the arguments of a call with a `Slot` in place of each tensor, and with copies of mutable arguments.

    `slots` maps the id of a tensor to its slot.
    """

    def pack(leaf: Any) -> Any:
        """Return a placeholder for a tensor or generator, and a copy of any other mutable argument."""
        if leaf is None or isinstance(leaf, int | float | str):
            return leaf
        if isinstance(leaf, Tensor):
            return Slot(slots[id(leaf)])
        if is_array(leaf):
            return leaf.copy()
        if isinstance(leaf, torch.Generator):
            return Stream(leaf.clone_state())
        if isinstance(leaf, slice):
            return slice(_as_int(leaf.start), _as_int(leaf.stop), _as_int(leaf.step))
        return leaf

    return map_leaves(pack, arguments)


def is_array(leaf: Any) -> bool:
    """Return whether an argument is a NumPy array, without importing NumPy."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(leaf, numpy.ndarray)


def _as_int(bound: Any) -> Any:
    """Convert a slice bound to an int if it is a tensor."""
    return int(bound) if isinstance(bound, Tensor) else bound


def call_name(func: Any) -> str:
    """Return the name of a torch function, such as `add_`; for an attribute, `data` (read) or `set data`."""
    name = getattr(func, "__name__", "")
    if name in ("__get__", "__set__"):
        attribute = getattr(getattr(func, "__self__", None), "__name__", "")
        return f"set {attribute}" if name == "__set__" else attribute
    return name
