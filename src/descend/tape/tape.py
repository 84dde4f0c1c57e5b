"""The tape: every torch call from the batch to the loss, kept so that the loss can be computed again.

A `TorchFunctionMode` sees each call of the script on one step. Sealed, the calls become a `Recording`, the loss
as a function of the parameters, whatever code it came from. What cannot be replayed faithfully is refused with the
reason: a wrong curvature is worse than none.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode, _get_current_function_mode, _pop_mode, _push_mode
from torch.utils._pytree import tree_flatten, tree_map

from descend.tape.graph import custom_function
from descend.tape.recording import DISCRETE, NONE, SMOOTH, Op, Origin, Random, Recording, Slot, State

MOST_CALLS = 20_000  # a step of more calls than this is not taped
COPIED_NUMEL = 1 << 20  # data of up to 4 MB is copied; more is only watched for changes
_READS = frozenset(
    "item __float__ __int__ __bool__ __index__ __complex__ numpy tolist __array__ equal allclose is_nonzero".split()
)
_SKIPPED = frozenset(
    "backward register_hook register_post_accumulate_grad_hook requires_grad_ retain_grad "
    "_set_grad_enabled __repr__ __format__ __str__ __hash__".split()
)
_ATTRIBUTES = frozenset({"grad", "set grad", "grad_fn", "set requires_grad", "_grad", "_backward_hooks"})


class Refused(Exception):
    """Why a step cannot be replayed."""


@dataclass
class _External:
    tensor: Tensor  # the script's own tensor: a parameter, or data too large to copy
    copy: Tensor | None
    version: int


class Tape(TorchFunctionMode):
    """Records the torch calls of one forward pass. `start`, then `seal(root)`; `pause`/`resume` around loaders."""

    def __init__(self, interesting: frozenset[str], origin: Callable[[FrameType], Origin]) -> None:
        super().__init__()
        self.interesting, self.origin = interesting, origin  # names of the calls whose origin is worth knowing
        self.on_first_use: Callable[[FrameType], None] = lambda frame: None
        self.active = False
        self._forget()

    def _forget(self) -> None:
        self.refusal: str | None = None
        self.has_graph = False  # whether a parameter has been used with gradients on
        self._ops: list[Op | Random] = []
        self._slots: dict[int, int] = {}  # id of a live tensor -> slot
        self._alive: list[Tensor] = []  # keeps ids from being used again
        self._taint: list[int] = []
        self._last_op: dict[int, int] = {}  # slot -> index of the last op that produced or changed it
        self._externals: dict[int, _External] = {}
        self._foreign: set[int] = set()  # slots whose graph was not built on this tape
        self._mutated: set[int] = set()  # data pointers of storages changed in place
        self._reads: list[tuple[int, str]] = []
        self._random: Tensor | None = None
        self._stale = False

    # -- on and off

    def start(self) -> None:
        """Begin to record. Does nothing where another function mode is active."""
        mode = _get_current_function_mode()
        if mode is not None and type(mode).__name__ != "DeviceContext":
            self.refusal = "the step runs under a torch function mode of the script's own"
            return
        self.resume()

    def resume(self) -> None:
        """Go on recording after a pause."""
        self._mark_random()
        _push_mode(self)
        self.active = True

    def restart(self) -> None:
        """Forget what was recorded, unless the loss is already under way."""
        if not self.has_graph:
            self._forget()
            self._mark_random()

    def _mark_random(self) -> None:
        state = torch.get_rng_state()
        if self._random is None or not torch.equal(state, self._random):
            self._ops.append(Random(state))

    def pause(self) -> None:
        """Stop recording for a while; what is made meanwhile counts as data."""
        if not self.active:
            return
        above = []
        while (mode := _get_current_function_mode()) is not None:
            _pop_mode()
            if mode is self:
                break
            above.append(mode)
        for mode in reversed(above):
            _push_mode(mode)
        self.active = False
        self._random = torch.get_rng_state()

    # -- recording

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self.refusal is not None:
            return func(*args, **kwargs)
        name = _name(func)
        if name in _SKIPPED or name in _ATTRIBUTES:
            return func(*args, **kwargs)
        inputs = [leaf for leaf in tree_flatten((args, kwargs))[0] if isinstance(leaf, Tensor)]
        slots = [self._slot_of(tensor) for tensor in inputs]
        packed = tree_map(self._pack, (args, kwargs))
        versions = [_version(tensor) for tensor in inputs]
        result = func(*args, **kwargs)
        self._note(func, name, packed, (inputs, slots, versions), result)
        if self._stale:
            self.restart()  # parameters or data were updated by hand before this step's forward pass began
        return result

    def _note(
        self, func: Any, name: str, packed: Any, given: tuple[list[Tensor], list[int], list[int]], result: Any
    ) -> None:
        inputs, slots, versions = given
        taint = max((self._taint[slot] for slot in slots), default=NONE)
        index = len(self._ops)
        changed = [
            (t, slot) for t, slot, version in zip(inputs, slots, versions) if _version(t) != version
        ]
        if name in _READS and taint == SMOOTH:
            self._reads.append((index, name))
        if name == "set data":
            self._stale = not self.has_graph
            if self.has_graph:
                self._refuse("the .data of a tensor is written before the loss")
        leaves, _ = tree_flatten(result)
        outputs = [leaf if isinstance(leaf, Tensor) else None for leaf in leaves]
        if not changed and not any(t is not None for t in outputs):
            return
        foreign = not self._foreign.isdisjoint(slots)
        out_slots = [None if t is None else self._output(t, taint, index) for t in outputs]
        if foreign:
            self._foreign.update(s for s in out_slots if s is not None)
        for tensor, slot in changed:
            self._change(tensor, slot, taint, index)
        origin = self.origin(sys._getframe(2)) if name in self.interesting else None
        self._ops.append(Op(func, name, *packed, tuple(out_slots), State.now(), tuple(slots), origin))
        if taint == SMOOTH and not self.has_graph and torch.is_grad_enabled():
            self.has_graph = True
            self.on_first_use(sys._getframe(2))
        if len(self._ops) > MOST_CALLS:
            self._refuse(f"the step makes more than {MOST_CALLS} torch calls")

    def _slot_of(self, tensor: Tensor) -> int:
        slot = self._slots.get(id(tensor))
        if slot is not None:
            return slot
        slot = self._new_slot(tensor)
        if tensor.grad_fn is not None:
            self._foreign.add(slot)
            return slot
        if tensor.is_inference():
            self._refuse("the step uses tensors made in inference mode")
        leaf = tensor.requires_grad
        self._taint[slot] = SMOOTH if leaf else NONE
        copied = not leaf and tensor.numel() <= COPIED_NUMEL
        copy = _copied(tensor) if copied else None
        self._externals[slot] = _External(tensor, copy, _version(tensor))
        return slot

    def _new_slot(self, tensor: Tensor) -> int:
        slot = len(self._alive)
        self._slots[id(tensor)] = slot
        self._alive.append(tensor)
        self._taint.append(NONE)
        return slot

    def _output(self, tensor: Tensor, taint: int, index: int) -> int:
        slot = self._slots.get(id(tensor))
        if slot is None:
            slot = self._new_slot(tensor)
        exact = tensor.is_floating_point() or tensor.is_complex()
        self._taint[slot] = max(self._taint[slot], taint if exact else min(taint, DISCRETE))
        self._last_op[slot] = index
        return slot

    def _change(self, tensor: Tensor, slot: int, taint: int, index: int) -> None:
        self._taint[slot] = max(self._taint[slot], taint)
        self._last_op[slot] = index
        pointer = _pointer(tensor)
        self._mutated.add(pointer)
        external = self._externals.get(slot)
        uncopied = external is not None and external.copy is None
        if uncopied or pointer in self._leaf_pointers():
            self._stale = not self.has_graph
            if self.has_graph:
                self._refuse("a parameter or a large data tensor is changed in place before the loss")

    def _leaf_pointers(self) -> set[int]:
        return {_pointer(e.tensor) for e in self._externals.values() if e.tensor.requires_grad}

    def _pack(self, leaf: Any) -> Any:
        return Slot(self._slots[id(leaf)]) if isinstance(leaf, Tensor) else leaf

    def _refuse(self, reason: str) -> None:
        self.refusal = self.refusal or reason

    # -- sealing

    def seal(self, root: Tensor) -> Recording:
        """Return the calls up to `root` as a function of the parameters. Raises `Refused` with the reason."""
        self.pause()
        if self.refusal is not None:
            raise Refused(self.refusal)
        slot = self._slots.get(id(root))
        if slot is None or slot not in self._last_op:
            raise Refused("the loss was not computed during the step")
        end = self._last_op[slot]
        for index, name in self._reads:
            if index <= end:
                raise Refused(f"{name}() reads a number that depends on the parameters before the loss is made")
        custom = custom_function(root)
        if custom is not None:
            raise Refused(f"the custom autograd.Function {custom} hides its gradient from the tape")
        if self._leaf_pointers() & self._mutated:
            raise Refused("a parameter's storage is written through .data or detach() before the loss")
        recording = Recording(
            self._own(end, slot),
            slot,
            {s: e.tensor for s, e in self._externals.items() if e.tensor.requires_grad},
            {s: e.copy for s, e in self._externals.items() if e.copy is not None},
            {
                s: (e.tensor, e.version)
                for s, e in self._externals.items()
                if e.copy is None and not e.tensor.requires_grad
            },
            tuple(self._taint),
            tuple(t.shape[0] if t.ndim else 0 for t in self._alive),
        )
        self._alive.clear()
        return recording

    def _own(self, end: int, root: int) -> tuple[Op | Random, ...]:
        """Return the calls up to `end` without those on values from before. Raises `Refused` if the loss needs one."""
        needed = {root}
        kept: list[Op | Random] = []
        for op in reversed(self._ops[: end + 1]):
            if isinstance(op, Op):
                feeds = not needed.isdisjoint(s for s in op.outputs if s is not None)
                if feeds:
                    needed.update(op.inputs)
                if not self._foreign.isdisjoint(op.inputs):
                    if feeds:
                        raise Refused("part of the loss's graph was built before the step")
                    continue
            kept.append(op)
        return tuple(reversed(kept))


def _name(func: Any) -> str:
    name = getattr(func, "__name__", "")
    if name in ("__get__", "__set__"):
        attribute = getattr(getattr(func, "__self__", None), "__name__", "")
        return f"set {attribute}" if name == "__set__" else attribute
    return name


def _version(tensor: Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version


def _pointer(tensor: Tensor) -> int:
    try:
        return tensor.untyped_storage().data_ptr()
    except (RuntimeError, NotImplementedError):  # sparse and opaque tensors have no storage
        return id(tensor)


def _copied(tensor: Tensor) -> Tensor:
    with torch.no_grad():
        return tensor.detach().clone()
