"""The calls that the tape has seen in a step so far, and the origin of each of their tensors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack

from descend.core.operations import Trait, having
from descend.doctor.record import Site
from descend.doctor.tape.call import DISCRETE, NONE, SMOOTH, Call, Op
from descend.doctor.tape.copying import strided_copy

COPIED_NUMEL = 1 << 20  # Data of up to 4 MB (float32) are copied. Larger data are only watched for changes.
# These calls return a float to Python. A returned bool or int depends only piecewise constantly on the parameters.
READS = having(Trait.READ)
IN_TRANSFORM = "part of the loss is computed in inference mode or by a function transform (vmap, torch.func)"
UNSEEN_GRAPH = "part of the loss's graph was built before the step, or by calls that could not be recorded"


@dataclass
class External:
    """A tensor that existed before the calls that use it: a parameter or data."""

    tensor: Tensor
    copy: Tensor | None  # None if the script's own tensor is used: for a parameter, or for data too large to copy
    version: int
    first_use: int  # the number of calls recorded before the tensor's first use
    trained: bool  # whether the tensor is a leaf of the graph that the optimizer trains
    leaf: bool  # whether the tensor is a leaf of the graph, as data are if the loss contains their gradient

    @property
    def is_parameter(self) -> bool:
        """Return whether the tensor is a trained or frozen parameter, so that a replay uses its present value."""
        return self.trained or (self.copy is None and isinstance(self.tensor, nn.Parameter))


@dataclass(frozen=True)
class Read:
    """A call that returned a number to Python which depends smoothly on the parameters, such as `item`."""

    index: int  # the number of calls recorded before Python read the number
    name: str
    number: float | None  # None if the call returned an array


class Trace:
    """The torch calls and tensors of one step so far. A slot is a tensor's number in the list of tensors.

    All tensors are kept alive, so that ids stay unique. `trains` returns whether a leaf of the graph is a parameter;
    otherwise the leaf is data.
    """

    def __init__(self, trains: Callable[[Tensor], bool]) -> None:
        self.trains = trains
        self.ops: list[Op] = []
        self.tensors: list[Tensor] = []  # all tensors of the step; the index of a tensor is its slot
        self.dependences: list[int] = []
        self.storages: list[int] = []
        self.last_op: dict[int, int] = {}  # slot -> index of the last call that computed or changed the tensor
        self.externals: dict[int, External] = {}
        self.foreign: dict[int, str] = {}  # slot -> the reason why the tensor cannot be recomputed
        self.derivatives: dict[int, Site | None] = {}  # slot of a gradient without a graph -> its source line
        self.reads: list[Read] = []
        self.overwritten: dict[int, tuple[int, str]] = {}  # storage -> (call index, reason) of a write not replayed
        self.built: dict[int, tuple[Tensor, int]] = {}  # id -> (tensor made from Python numbers, call index)
        self.has_graph = False  # whether a parameter has been used with gradients enabled
        self.written_through_alias = False  # whether a parameter was changed through a view before its first use
        self.has_renewed_parameter = False  # whether the step computed a parameter from its earlier value
        self._slots: dict[int, int] = {}  # id of a tensor -> its slot
        self._fixed: set[int] = set()  # storages of parameters and of data that are not copied
        self._graph: set[int] = set()  # storages of tensors that require a gradient
        self._used: set[int] = set()  # storages of inputs that autograd may have saved for backward
        self._leaves: set[int] = set()  # slots of the leaves of the autograd graph
        self._hidden: set[int] = set()  # slots of tensors from `.data`; autograd does not notice writes to these
        self._written: set[int] = set()  # storages that a call has changed in place
        # storage -> how the values written to it depend on the parameters
        self._written_dependence: dict[int, int] = {}

    def find_slot(self, tensor: Tensor) -> int | None:
        """Return the slot (number) of a tensor; None if no recorded call has used the tensor."""
        return self._slots.get(id(tensor))

    def slot_of(self, tensor: Tensor) -> int:
        """Return the slot (number) of a call's input; keep the value of an input that no recorded call computed."""
        slot = self._slots.get(id(tensor))
        if slot is None:
            slot = self._add_tensor(tensor)
            if tensor.grad_fn is not None:
                self.foreign[slot] = UNSEEN_GRAPH
            else:
                self._keep_external(tensor, slot)
        elif slot not in self._leaves and is_leaf(tensor):
            self.has_renewed_parameter = self.has_renewed_parameter or self.is_renewed(slot)
        return slot

    def is_renewed(self, slot: int) -> bool:
        """Return whether the leaf in `slot` is a parameter that the step itself computed, as a manual update does."""
        return self.dependences[slot] == SMOOTH and self.trains(self.tensors[slot])

    def dependence(self, slot: int) -> int:
        """Return how the tensor in `slot` depends on the parameters: NONE, DISCRETE or SMOOTH."""
        return max(self.dependences[slot], self._written_dependence.get(self.storages[slot], NONE))

    def last_computed(self) -> int | None:
        """Return the slot of the last value that a call computes from parameter-dependent values of other memory.

        A view computes nothing. Nor does a counter such as `totals[2] += len(targets)` depend on the parameters only
        because other elements of the same tensor do.
        """
        for op in reversed(self.ops):
            used = {self.storages[slot] for slot, dependence in zip(op.inputs, op.dependences) if dependence}
            for slot in reversed((*op.outputs, *op.written)):
                if slot is not None and used - {self.storages[slot]}:
                    return slot
        return None

    def add_result(self, tensor: Tensor, dependence: int) -> int:
        """Store how a call's result depends on the parameters; return the slot (number) of the result."""
        slot = self._slots.get(id(tensor))
        if slot is None:
            slot = self._add_tensor(tensor)
        smooth = tensor.is_floating_point() or tensor.is_complex()
        self.dependences[slot] = max(self.dependences[slot], dependence if smooth else min(dependence, DISCRETE))
        self.last_op[slot] = len(self.ops)
        if tensor.requires_grad:
            self._graph.add(self.storages[slot])
            self._leaves.update({slot} if is_leaf(tensor) else ())
        return slot

    def append(self, op: Op) -> None:
        """Add a call to the trace, and note which of its inputs autograd may have saved for the backward pass."""
        self.ops.append(op)
        if any(slot is not None and self.tensors[slot].requires_grad for slot in op.outputs):
            self._used.update(self.storages[slot] for slot in op.inputs)
        hidden = {self.storages[slot] for slot in op.inputs if slot in self._hidden or op.name == "data"}
        if hidden:
            self._hidden.update(s for s in op.outputs if s is not None and self.storages[s] in hidden)

    def note_write(self, slot: int, dependence: int) -> bool:
        """Record that a call changed the tensor in `slot` in place; return whether to discard all earlier calls."""
        tensor, storage, index = self.tensors[slot], self.storages[slot], len(self.ops)
        self._written_dependence[storage] = max(self._written_dependence.get(storage, NONE), dependence)
        self.last_op[slot] = index
        self._written.add(storage)
        follows = torch.is_grad_enabled() and tensor.requires_grad
        saved = slot in self._hidden and storage in self._used
        if storage not in self._fixed and not saved and (follows or storage not in self._graph):
            return False
        kind = "a parameter or a large data tensor" if storage in self._fixed else "a value of the loss's graph"
        self.note_overwritten(slot, f"{kind} is changed in place before the loss is computed, unnoticed by autograd")
        return not self.has_graph

    def note_overwritten(self, slot: int, reason: str) -> None:
        """Record that a call that cannot be replayed changed the tensor in `slot` in place."""
        self.overwritten[self.storages[slot]] = (len(self.ops), reason)

    def mark_foreign(self, tensor: Tensor, reason: str) -> None:
        """Record that the value of a tensor cannot be recomputed, with the reason."""
        slot = self._slots.get(id(tensor))
        slot = self._add_tensor(tensor) if slot is None else slot
        self.foreign[slot] = reason
        if reason == IN_TRANSFORM:
            self.dependences[slot] = SMOOTH

    def note_foreign_call(self, reason: str, made: Sequence[Tensor], written: Sequence[int]) -> None:
        """Record the results and in-place writes of a call with an input that cannot be recomputed.

        A result that is detached from an earlier graph is data. A result under a function transform is not.
        """
        for tensor in made:
            if tensor.requires_grad or reason == IN_TRANSFORM:
                self.mark_foreign(tensor, reason)
        for slot in written:
            self.note_overwritten(slot, reason)

    def note_read(self, call: Call, result: object) -> None:
        """Record a call that returns a number to Python, if the number depends smoothly on the parameters."""
        if SMOOTH in call.dependences:
            self.note_read_by(call.name, result)

    def note_read_by(self, name: str, result: object) -> None:
        """Record that the function `name` may have returned a number that depends smoothly on the parameters."""
        if name in READS:
            self.reads.append(Read(len(self.ops), name, result if isinstance(result, float) else None))

    def copy_before_write(self, tensor: Tensor) -> None:
        """Copy a frozen parameter before a call overwrites it during the forward pass."""
        external = self.externals.get(self._slots[id(tensor)])
        frozen = external is not None and external.is_parameter and not tensor.requires_grad
        if external is not None and frozen:
            external.copy = strided_copy(tensor)
            self._fixed.discard(self.storages[self._slots[id(tensor)]])

    def _add_tensor(self, tensor: Tensor) -> int:
        """Add a tensor to the list of the step's tensors, and return its slot (number)."""
        slot = self._slots[id(tensor)] = len(self.tensors)
        self.tensors.append(tensor)
        self.dependences.append(NONE)
        self.storages.append(memory_id(tensor))
        return slot

    def _keep_external(self, tensor: Tensor, slot: int) -> None:
        """Store a copy of a tensor from outside the tape, or only its version if it is a parameter or large."""
        leaf, storage = tensor.requires_grad, self.storages[slot]
        trained = leaf and self.trains(tensor)
        self.dependences[slot] = SMOOTH if trained else NONE
        tensor = unwrap_gradient(tensor)
        frozen = isinstance(tensor, nn.Parameter) and not tensor.is_inference()
        copied = not trained and not frozen and (tensor.numel() <= COPIED_NUMEL or tensor.is_inference())
        # The function transform would wrap a copy that is made while it is active.
        with temporarily_clear_interpreter_stack():
            copy = strided_copy(tensor) if copied else None
        self.externals[slot] = External(tensor, copy, version(tensor), len(self.ops), trained, leaf)
        if copy is None:
            self._fixed.add(storage)
            self.written_through_alias = self.written_through_alias or storage in self._written
        if leaf:
            self._graph.add(storage)
            self._leaves.add(slot)


def is_leaf(tensor: Tensor) -> bool:
    """Return whether a tensor is a leaf of the autograd graph.

    Views are excluded first: reading `is_leaf` of a view makes autograd update its graph node.
    """
    return tensor.requires_grad and not tensor._is_view() and tensor.is_leaf


def version(tensor: Tensor) -> int:
    """Return how many times the tensor has been changed in place."""
    return 0 if tensor.is_inference() else tensor._version


def is_wrapped(tensor: Tensor) -> bool:
    """Return whether a tensor is a wrapper created by `torch.func.grad` or `vmap`."""
    return torch._C._functorch.is_functorch_wrapped_tensor(tensor)


def unwrap_gradient(tensor: Tensor) -> Tensor:
    """Return the tensor that a wrapper of `torch.func.grad` contains; return any other tensor unchanged."""
    if torch._C._functorch.is_gradtrackingtensor(tensor):
        return torch._C._functorch.get_unwrapped(tensor)
    return tensor


def has_foreign_memory(tensor: Tensor) -> bool:
    """Return whether torch does not own the tensor's memory, such as a NumPy array's (`from_numpy` is not recorded)."""
    try:
        return not tensor.untyped_storage().resizable()
    except (RuntimeError, NotImplementedError):
        return False


def memory_id(tensor: Tensor) -> int:
    """Return an id of the tensor's memory, equal for tensors that share it."""
    try:
        return int(Tensor.untyped_storage(unwrap_gradient(tensor))._cdata)
    except (RuntimeError, NotImplementedError):  # Sparse and opaque tensors have no storage.
        return id(tensor)
