"""The tape: every torch call from the batch to the loss, kept so that the loss can be computed again.

A `TorchFunctionMode` sees each call of the script on one step. Sealed, the calls become a `Recording`, the loss
as a function of the parameters, whatever code it came from. What cannot be replayed faithfully is refused with the
reason: a wrong curvature is worse than none.
"""

import inspect
import os
import sys
from collections.abc import Callable, Container
from math import inf
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode, _get_current_function_mode, _push_mode

from descend.doctor.record import Site
from descend.doctor.tape.call import NONE, SMOOTH, Call, Op, Origin, Slot, State, call_name, packed
from descend.doctor.tape.nesting import leaves
from descend.doctor.tape.randomness import RandomState
from descend.doctor.tape.recording import Recording
from descend.doctor.tape.sealing import Refused, seal
from descend.doctor.tape.standing import take_off
from descend.doctor.tape.trace import OUT_OF_SIGHT, Trace, beneath_gradient, is_leaf, is_wrapped, version
from descend.doctor.tape.warning import AsFrom

MOST_CALLS = 20_000  # a step of more calls than this is not taped
_BUILDERS = frozenset("tensor as_tensor asarray frombuffer from_file".split())  # from memory outside torch
_ATTRIBUTES = frozenset("T mT H mH real imag data".split())  # those whose value is a tensor computed from this one
_GRADIENT = inspect.unwrap(torch.autograd.grad)
_LEAVES = frozenset({"requires_grad_", "set requires_grad"})  # make a tensor one to be differentiated by
_UNSEEN = frozenset(
    "backward register_hook register_post_accumulate_grad_hook retain_grad _set_grad_enabled "
    "__repr__ __format__ __str__ __hash__ __deepcopy__ __reduce_ex__ size dim numel stride is_contiguous "
    "is_floating_point is_complex element_size data_ptr get_device storage_offset untyped_storage __len__".split()
)


class Tape(TorchFunctionMode):
    """Records the torch calls of one forward pass. `start`, then `seal(root)`; `pause`/`resume` around loaders."""

    def __init__(self, interesting: Container[str], origin: Callable[[FrameType], Origin]) -> None:
        super().__init__()
        self.interesting, self.origin = (
            interesting,
            origin,
        )  # names of the calls whose origin is worth knowing
        self.on_first_use: Callable[[FrameType], None] = lambda frame: None
        self.trains: Callable[[Tensor], bool] = lambda leaf: True  # whether a leaf of the graph is a parameter
        self.room = inf  # bytes that what the calls make may take: it is kept until it is sealed
        self.unwraps = False  # while a loss is made within `torch.func.grad`: of its tensors those beneath count
        self.active = False
        self.refusal: str | None = None
        self.delivered: dict[int, tuple[Tensor, str]] = {}  # id -> what a loader gave, and which one
        self._trace = self._new_trace()
        self._process = os.getpid()

    @property
    def has_graph(self) -> bool:
        """Whether a parameter has been used with gradients on."""
        return self._trace.has_graph

    # -- on and off

    def start(self) -> None:
        """Begin to record. Does nothing where another function mode is active."""
        self.resume()

    def resume(self) -> None:
        """Go on recording after a pause."""
        if self.active:
            return
        mode = _get_current_function_mode()
        if mode is not None and type(mode).__name__ != "DeviceContext":
            self._refuse("the step runs under a torch function mode of the script's own")
            return
        _push_mode(self)
        self.active = True

    def restart(self) -> None:
        """Forget what was recorded, unless the loss is already under way."""
        if not self._trace.has_graph:
            self.refusal, self._trace = None, self._new_trace()

    def pause(self) -> None:
        """Stop recording for a while; what is made meanwhile counts as data."""
        if self.active:
            take_off(self)
        self.active = False

    def sites(self) -> list[tuple[str, Site]]:
        """Return the calls whose line is known, by name (`__pow__` as `pow`), whether or not they can be sealed."""
        return [(op.name.strip("_"), op.site) for op in self._trace.ops if op.site is not None]

    def seal(self, root: Tensor) -> Recording:
        """Return the calls that make `root` as a function of the parameters. Raises `Refused` with the reason."""
        self.pause()
        if self.refusal is not None:
            raise Refused(self.refusal)
        trace, self._trace = self._trace, self._new_trace()
        return seal(trace, root, self.delivered)

    def seal_last(self) -> Recording | None:
        """Return the calls that make what was computed last of the parameters; None where nothing was.

        Raises `Refused` with the reason.
        """
        if self.refusal is not None:
            raise Refused(self.refusal)
        made = [s for op in self._trace.ops if max(op.taints, default=NONE) for s in (*op.outputs, *op.written)]
        root = next((self._trace.tensors[slot] for slot in reversed(made) if slot is not None), None)
        return None if root is None else self.seal(root)

    # -- recording

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Make the call and record it. Whatever goes wrong with the recording, the call is the script's own."""
        kwargs, frame = kwargs or {}, sys._getframe(1)
        func = getattr(func, "stands_for", func)  # torch's own functions find what stands in their place by its name
        name = call_name(func)
        if self.refusal is not None or not _is_seen(func, name) or self._is_forked():
            return func(*args, **kwargs)
        if name == "grad":
            func = _GRADIENT  # what stands in its place has been called already
            if not kwargs.get("create_graph"):
                return self._note_derivative(func(*args, **kwargs), frame)
        if name in _LEAVES:
            return self._note_leaf(func(*args, **kwargs), args)
        inputs = [leaf for leaf in leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        if torch.is_inference_mode_enabled() or any(map(self._is_hidden, inputs)):
            return self._unrecorded(func, args, kwargs, inputs)
        try:
            call = self._call(func, name, (args, kwargs), inputs)
        except Exception as error:  # of the script's own kinds of tensors
            self._refuse(f"{name} cannot be recorded: {error}")
            return func(*args, **kwargs)
        versions, random = [version(tensor) for tensor in inputs], RandomState.now()
        with AsFrom(frame):
            result = func(*args, **kwargs)
        written = tuple(s for s, t, v in zip(call.inputs, inputs, versions) if version(t) != v)
        try:
            self._note(call, result, written, random if RandomState.now() != random else None, frame)
        except Exception as error:
            self._refuse(f"{name} cannot be recorded: {error}")
        return result

    def _call(self, func: Any, name: str, arguments: tuple[Any, Any], inputs: list[Tensor]) -> Call:
        slots = self._slots_of(inputs)
        if self._trace.has_graph and _may_write(name, arguments[1]):
            for tensor in inputs:
                self._trace.unfreeze(tensor)
        args, kwargs = packed(arguments, dict(zip(map(id, inputs), slots)))
        return Call(func, name, args, kwargs, tuple(slots), tuple(map(self._trace.taint, slots)))

    def _slots_of(self, inputs: list[Tensor]) -> list[int]:
        slots = [self._trace.slot_of(tensor) for tensor in inputs]
        trace = self._trace
        if trace.renewed or trace.tangled and not trace.has_graph:
            # A parameter was updated by hand before this step's forward pass: made anew, or through its memory.
            self._trace = self._new_trace()
            slots = [self._trace.slot_of(tensor) for tensor in inputs]
        return slots

    def _note(
        self, call: Call, result: Any, written: tuple[int, ...], random: RandomState | None, frame: FrameType
    ) -> None:
        trace = self._trace
        results = [leaf if isinstance(leaf, Tensor) else None for leaf in leaves(result)]
        made = [tensor for tensor in results if tensor is not None]
        lost = next((trace.foreign[s] for s in call.inputs if s in trace.foreign), None)
        if call.name == "set data":
            self._data_was_set(trace.tensors[call.inputs[0]])
        elif not made and not written:
            trace.read(call, result)
        elif lost is not None:
            trace.lost(lost, made, written)
        elif call.name in _BUILDERS and not call.inputs:
            trace.built.update({id(tensor): (tensor, len(trace.ops)) for tensor in made})
        else:
            self._record(call, results, written, random, frame)

    def _record(
        self,
        call: Call,
        results: list[Tensor | None],
        written: tuple[int, ...],
        random: RandomState | None,
        frame: FrameType,
    ) -> None:
        trace, made = self._trace, [tensor for tensor in results if tensor is not None]
        if not call.inputs and made and made[0].device.type != "cpu":
            call.kwargs.setdefault("device", made[0].device)  # the default device may be another at the replay
        taint = max(call.taints, default=NONE)
        outputs = tuple(None if tensor is None else trace.made(tensor, taint) for tensor in results)
        self.room -= sum(tensor.numel() * tensor.element_size() for tensor in made)
        void = any([trace.wrote(slot, taint) for slot in written])
        origin = self.origin(frame) if call.name in self.interesting else None
        trace.append(
            Op(**vars(call), outputs=outputs, written=written, state=State.now(), random=random, origin=origin)
        )
        if not trace.has_graph and taint == SMOOTH and any(tensor.grad_fn is not None for tensor in made):
            trace.has_graph = True
            self.on_first_use(frame)
        if void:
            self.restart()  # parameters or data were updated by hand before this step's forward pass began
        if len(trace.ops) > MOST_CALLS:
            self._refuse(f"the step makes more than {MOST_CALLS} torch calls")
        elif self.room < 0:
            self._refuse("what its calls make is too large to be kept")

    def _note_derivative(self, result: Any, frame: FrameType) -> Any:
        """Keep what `torch.autograd.grad` gives without its graph: it is data, though it depends on the parameters."""
        for leaf in result if self._trace.has_graph and isinstance(result, tuple) else ():
            if isinstance(leaf, Tensor) and not leaf.requires_grad:
                self._trace.derivatives[self._trace.slot_of(leaf)] = self.origin(frame).site
        return result

    def _note_leaf(self, result: Any, args: tuple) -> Any:
        """Record that what the calls have made is to be differentiated by; a parameter is noticed when it is used."""
        tensor, trace = args[0], self._trace
        slot = trace.known(tensor)
        if slot is not None and is_leaf(tensor) and not trace.is_renewed(slot):
            made, taint = trace.made(tensor, trace.taint(slot)), (trace.taint(slot),)
            call = Call(Tensor.requires_grad_, "requires_grad_", (Slot(slot),), {}, (slot,), taint)
            trace.append(Op(**vars(call), outputs=(made,), written=(), state=State.now(), random=None, origin=None))
        return result

    def _data_was_set(self, tensor: Tensor) -> None:
        if self._trace.has_graph:
            self._trace.lose(tensor, "the .data of a tensor is written before the loss is made")
        else:
            self.restart()

    def _unrecorded(self, func: Any, args: Any, kwargs: Any, inputs: list[Tensor]) -> Any:
        """Make a call that cannot be replayed; what it makes of a parameter must not feed the loss."""
        result = func(*args, **kwargs)
        trace = self._trace
        slots = [slot for tensor in inputs if (slot := trace.known(tensor)) is not None]
        depends = any(t.requires_grad for t in inputs)
        if depends or any(trace.taint(slot) == SMOOTH for slot in slots):
            trace.read_by(call_name(func), result)
            for leaf in leaves(result):
                if isinstance(leaf, Tensor):
                    trace.lose(leaf, OUT_OF_SIGHT)
        return result

    def _new_trace(self) -> Trace:
        return Trace(lambda leaf: self.trains(leaf))

    def _is_hidden(self, tensor: Tensor) -> bool:
        """Whether a function transform has put a tensor in the place of another."""
        return is_wrapped(beneath_gradient(tensor) if self.unwraps else tensor)

    def _is_forked(self) -> bool:
        """Whether this is a loader's worker, forked while the tape was on: nobody will ever seal it there."""
        if os.getpid() == self._process:
            return False
        self._refuse("recorded in another process")
        return True

    def _refuse(self, reason: str) -> None:
        self.refusal, self._trace = self.refusal or reason, self._new_trace()


def _is_seen(func: Any, name: str) -> bool:
    kind = getattr(func, "__name__", "")
    if kind == "__get__":
        return name in _ATTRIBUTES
    return name in ("set data", "set requires_grad") if kind == "__set__" else name not in _UNSEEN


def _may_write(name: str, kwargs: dict) -> bool:
    return name.endswith("_") or name == "__setitem__" or "out" in kwargs
