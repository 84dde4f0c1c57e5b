"""One recorded torch call: what was called, on which tensors, under which modes."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from descend.doctor.record import Site
from descend.doctor.tape.nesting import mapped
from descend.doctor.tape.randomness import RandomState

NONE, DISCRETE, SMOOTH = (
    0,
    1,
    2,
)  # how a value depends on the parameters: not, in steps (argmax, >), or smoothly


@dataclass(frozen=True)
class Slot:
    """Stands for a tensor in a recorded call's arguments."""

    index: int


@dataclass(frozen=True)
class Stream:
    """Stands for a random generator of the script's own: a copy of it as it was before the call."""

    generator: torch.Generator


@dataclass(frozen=True)
class Origin:
    """Where a call was made: the user's line, and the module whose forward was running."""

    site: Site | None
    module: torch.nn.Module | None


@dataclass(frozen=True)
class State:
    """The modes that a call ran under."""

    grad: bool
    autocast: tuple[tuple[str, torch.dtype], ...]  # (device type, dtype) for each enabled one

    @staticmethod
    def now() -> "State":
        """Return the modes in force."""
        enabled = tuple(d for d in ("cpu", "cuda") if torch.is_autocast_enabled(d))
        return State(torch.is_grad_enabled(), tuple((d, torch.get_autocast_dtype(d)) for d in enabled))

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Run under these modes; gradients stay off where they are off already."""
        with ExitStack() as stack:
            stack.enter_context(torch.set_grad_enabled(self.grad and torch.is_grad_enabled()))
            for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
                dtype = dict(self.autocast).get(device)
                stack.enter_context(torch.autocast(device, dtype=dtype, enabled=dtype is not None))
            yield


@dataclass(frozen=True, eq=False)
class Call:
    """A torch function and what it was given; two are the same only if they are one."""

    func: Any
    name: str
    args: Any  # with `Slot`s in place of tensors
    kwargs: Any
    inputs: tuple[int, ...]  # slots of the tensors among the arguments, in order
    taints: tuple[int, ...]  # of the inputs, before the call: NONE, DISCRETE or SMOOTH


@dataclass(frozen=True, eq=False)
class Op(Call):
    """One recorded call."""

    outputs: tuple[int | None, ...]  # slot of each tensor among the flattened results
    written: tuple[int, ...]  # slots of the inputs that it changed in place
    random: RandomState | None  # before the call, where it drew from the streams
    state: State
    origin: Origin | None

    @property
    def site(self) -> Site | None:
        """The user's line that makes the call, where it is known."""
        return self.origin.site if self.origin else None

    def unpacked(self, values: dict[int, Tensor]) -> tuple[tuple, dict]:
        """Return the arguments with the tensors of `values` in their slots."""

        def fill(leaf: Any) -> Any:
            if isinstance(leaf, Slot):
                return values[leaf.index]
            return leaf.generator.clone_state() if isinstance(leaf, Stream) else leaf

        return mapped(fill, self.args), mapped(fill, self.kwargs)


def packed(arguments: Any, slots: dict[int, int]) -> Any:
    """Return a call's arguments with a `Slot` for each tensor (`slots`: id -> slot) and nothing that may change."""

    def pack(leaf: Any) -> Any:
        if leaf is None or isinstance(leaf, int | float | str):
            return leaf
        if isinstance(leaf, Tensor):
            return Slot(slots[id(leaf)])
        if is_array(leaf):
            return leaf.copy()
        if isinstance(leaf, torch.Generator):
            return Stream(leaf.clone_state())
        if isinstance(leaf, slice):
            return slice(_whole(leaf.start), _whole(leaf.stop), _whole(leaf.step))
        return leaf

    return mapped(pack, arguments)


def is_array(leaf: Any) -> bool:
    """Whether an argument is a NumPy array (where there is NumPy)."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(leaf, numpy.ndarray)


def _whole(bound: Any) -> Any:
    return int(bound) if isinstance(bound, Tensor) else bound


def call_name(func: Any) -> str:
    """Return a torch function's name: `add_`, `cross_entropy`; `data` and `set data` for an attribute."""
    name = getattr(func, "__name__", "")
    if name in ("__get__", "__set__"):
        attribute = getattr(getattr(func, "__self__", None), "__name__", "")
        return f"set {attribute}" if name == "__set__" else attribute
    return name
