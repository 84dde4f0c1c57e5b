"""What the tape has seen of a step so far: the calls, and where each of their tensors comes from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack

from descend.doctor.record import Site
from descend.doctor.tape.call import DISCRETE, NONE, SMOOTH, Call, Op
from descend.doctor.tape.copying import strided_copy

COPIED_NUMEL = 1 << 20  # data of up to 4 MB is copied; more is only watched for changes
# Calls that give a smooth value to Python. Those that give a bool or an int change in steps only.
READS = frozenset("item __float__ __complex__ numpy tolist __array__ __dlpack__".split())
OUT_OF_SIGHT = "part of the loss is computed in inference mode or by a function transform (vmap, torch.func)"
UNSEEN_GRAPH = "part of the loss's graph was built before the step, or where it could not be recorded"


@dataclass
class External:
    """A tensor that was there before the calls that use it: a parameter or data."""

    tensor: Tensor
    copy: Tensor | None  # None: the script's own is used, a parameter or data too large to copy
    version: int
    born: int  # how many calls had been recorded when it was first used
    trained: bool  # a leaf of the graph that the loss is to be minimised in
    leaf: bool  # one in any case: of data, the loss is made of derivatives with respect to them

    @property
    def is_parameter(self) -> bool:
        """Whether it takes its present value at each replay: trained, or a frozen parameter."""
        return self.trained or (self.copy is None and isinstance(self.tensor, nn.Parameter))


@dataclass(frozen=True)
class Read:
    """A number, or an array (None), that Python took out of a value which depends smoothly on the parameters."""

    index: int  # calls recorded before
    name: str
    number: float | None


class Trace:
    """The growing list of calls. A slot is a tensor's number in it; every tensor is kept so that ids stay unique.

    trains: whether a leaf of the graph is a parameter; it is data otherwise.
    """

    def __init__(self, trains: Callable[[Tensor], bool]) -> None:
        self.trains = trains
        self.ops: list[Op] = []
        self.tensors: list[Tensor] = []  # by slot
        self.taints: list[int] = []
        self.storages: list[int] = []
        self.last_op: dict[int, int] = {}  # slot -> index of the last call that made or changed it
        self.externals: dict[int, External] = {}
        self.foreign: dict[int, str] = {}  # slot -> why its value cannot be computed again
        self.derivatives: dict[int, Site | None] = {}  # slot -> where `torch.autograd.grad` gave it without its graph
        self.reads: list[Read] = []
        self.overwritten: dict[int, tuple[int, str]] = {}  # storage -> when, and by what that is not replayed
        self.built: dict[int, tuple[Tensor, int]] = {}  # id -> a tensor made from Python numbers, and when
        self.has_graph = False  # whether a parameter has been used with gradients on
        self.tangled = False  # whether a parameter was written through another tensor before its first use
        self.renewed = False  # whether a parameter was made by the calls, from what it was before
        self._slots: dict[int, int] = {}  # id -> slot
        self._fixed: set[int] = set()  # storages of parameters and of uncopied data
        self._graph: set[int] = set()  # storages of values that autograd follows
        self._used: set[int] = set()  # storages of what autograd's calls were given: it may have saved them
        self._leaves: set[int] = set()  # slots of leaves of the graph
        self._hidden: set[int] = set()  # slots of `.data`, whose changes autograd does not notice
        self._written: set[int] = set()  # storages changed in place
        self._spilled: dict[int, int] = {}  # storage -> taint written into it through any view

    def known(self, tensor: Tensor) -> int | None:
        """Return the tensor's slot; None for one that no call has used."""
        return self._slots.get(id(tensor))

    def slot_of(self, tensor: Tensor) -> int:
        """Return the slot of a call's input, keeping its present value where it was not made on the tape."""
        slot = self._slots.get(id(tensor))
        if slot is None:
            slot = self._add(tensor)
            if tensor.grad_fn is not None:
                self.foreign[slot] = UNSEEN_GRAPH
            else:
                self._keep(tensor, slot)
        elif slot not in self._leaves and is_leaf(tensor):
            self.renewed = self.renewed or self.is_renewed(slot)
        return slot

    def is_renewed(self, slot: int) -> bool:
        """Whether a leaf that the calls have made is a parameter: made of what it was before."""
        return self.taints[slot] == SMOOTH and self.trains(self.tensors[slot])

    def taint(self, slot: int) -> int:
        """Return how a slot's value depends on the parameters."""
        return max(self.taints[slot], self._spilled.get(self.storages[slot], NONE))

    def made(self, tensor: Tensor, taint: int) -> int:
        """Return the slot of a call's result."""
        slot = self._slots.get(id(tensor))
        if slot is None:
            slot = self._add(tensor)
        smooth = tensor.is_floating_point() or tensor.is_complex()
        self.taints[slot] = max(self.taints[slot], taint if smooth else min(taint, DISCRETE))
        self.last_op[slot] = len(self.ops)
        if tensor.requires_grad:
            self._graph.add(self.storages[slot])
            self._leaves.update({slot} if is_leaf(tensor) else ())
        return slot

    def append(self, op: Op) -> None:
        """Keep a call; autograd may have saved what it was given if it follows the result."""
        self.ops.append(op)
        if any(slot is not None and self.tensors[slot].requires_grad for slot in op.outputs):
            self._used.update(self.storages[slot] for slot in op.inputs)
        hidden = {self.storages[slot] for slot in op.inputs if slot in self._hidden or op.name == "data"}
        if hidden:
            self._hidden.update(s for s in op.outputs if s is not None and self.storages[s] in hidden)

    def wrote(self, slot: int, taint: int) -> bool:
        """Note a call's change of an input in place; return whether all that was recorded before is void by it."""
        tensor, storage, index = self.tensors[slot], self.storages[slot], len(self.ops)
        self._spilled[storage] = max(self._spilled.get(storage, NONE), taint)
        self.last_op[slot] = index
        self._written.add(storage)
        follows = torch.is_grad_enabled() and tensor.requires_grad
        saved = slot in self._hidden and storage in self._used
        if storage not in self._fixed and not saved and (follows or storage not in self._graph):
            return False
        kind = "a parameter or a large data tensor" if storage in self._fixed else "a value of the loss's graph"
        self.overwrote(slot, f"{kind} is changed in place, unseen by autograd, before the loss is made")
        return not self.has_graph

    def overwrote(self, slot: int, reason: str) -> None:
        """Note that an input was changed by a call that cannot be replayed."""
        self.overwritten[self.storages[slot]] = (len(self.ops), reason)

    def lose(self, tensor: Tensor, reason: str) -> None:
        """Note that a tensor's value comes from outside the tape."""
        slot = self._slots.get(id(tensor))
        slot = self._add(tensor) if slot is None else slot
        self.foreign[slot] = reason
        if reason == OUT_OF_SIGHT:
            self.taints[slot] = SMOOTH

    def lost(self, reason: str, made: Sequence[Tensor], written: Sequence[int]) -> None:
        """Note what a call made and changed that was given a value from outside the tape.

        Cut off from a graph of before, a result is data; one that was made of the parameters meanwhile is not.
        """
        for tensor in made:
            if tensor.requires_grad or reason == OUT_OF_SIGHT:
                self.lose(tensor, reason)
        for slot in written:
            self.overwrote(slot, reason)

    def read(self, call: Call, result: object) -> None:
        """Note a call that gives Python no tensor but the value of one, if that depends smoothly on the parameters."""
        if SMOOTH in call.taints:
            self.read_by(call.name, result)

    def read_by(self, name: str, result: object) -> None:
        """Note that Python may have read a value that depends smoothly on the parameters."""
        if name in READS:
            self.reads.append(Read(len(self.ops), name, result if isinstance(result, float) else None))

    def unfreeze(self, tensor: Tensor) -> None:
        """Copy a frozen parameter that is about to be written in the middle of the forward pass."""
        external = self.externals.get(self._slots[id(tensor)])
        frozen = external is not None and external.is_parameter and not tensor.requires_grad
        if external is not None and frozen:
            external.copy = strided_copy(tensor)
            self._fixed.discard(self.storages[self._slots[id(tensor)]])

    def _add(self, tensor: Tensor) -> int:
        slot = self._slots[id(tensor)] = len(self.tensors)
        self.tensors.append(tensor)
        self.taints.append(NONE)
        self.storages.append(_storage(tensor))
        return slot

    def _keep(self, tensor: Tensor, slot: int) -> None:
        leaf, storage = tensor.requires_grad, self.storages[slot]
        trained = leaf and self.trains(tensor)
        self.taints[slot] = SMOOTH if trained else NONE
        tensor = beneath_gradient(tensor)
        frozen = isinstance(tensor, nn.Parameter) and not tensor.is_inference()
        copied = not trained and not frozen and (tensor.numel() <= COPIED_NUMEL or tensor.is_inference())
        with temporarily_clear_interpreter_stack():  # under a transform the copy would stand for another tensor
            copy = strided_copy(tensor) if copied else None
        self.externals[slot] = External(tensor, copy, version(tensor), len(self.ops), trained, leaf)
        if copy is None:
            self._fixed.add(storage)
            self.tangled = self.tangled or storage in self._written
        if leaf:
            self._graph.add(storage)
            self._leaves.add(slot)


def is_leaf(tensor: Tensor) -> bool:
    """Whether a tensor is a leaf of the graph. A view is not asked: autograd renews its place when somebody looks."""
    return tensor.requires_grad and not tensor._is_view() and tensor.is_leaf


def version(tensor: Tensor) -> int:
    """Return how many times the tensor has been changed in place."""
    return 0 if tensor.is_inference() else tensor._version


def is_wrapped(tensor: Tensor) -> bool:
    """Whether a tensor stands for another within `torch.func.grad` or `vmap`."""
    return torch._C._functorch.is_functorch_wrapped_tensor(tensor)


def beneath_gradient(tensor: Tensor) -> Tensor:
    """Return the tensor that one within `torch.func.grad` stands for; any other as it is."""
    if torch._C._functorch.is_gradtrackingtensor(tensor):
        return torch._C._functorch.get_unwrapped(tensor)
    return tensor


def is_lent(tensor: Tensor) -> bool:
    """Whether the tensor's memory belongs to somebody else, as an array's does: `from_numpy` is not seen."""
    try:
        return not tensor.untyped_storage().resizable()
    except (RuntimeError, NotImplementedError):
        return False


def _storage(tensor: Tensor) -> int:
    try:
        return beneath_gradient(tensor).untyped_storage()._cdata
    except (RuntimeError, NotImplementedError):  # sparse and opaque tensors have no storage
        return id(tensor)
