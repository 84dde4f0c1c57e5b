"""The tape: every torch call from the batch to the loss, recorded so that the loss can be recomputed.

A `TorchFunctionMode` intercepts each call of the script during one step. `Tape.finalise` turns the calls into a
`Recording`: the loss as a function of the parameters, however the script computes it. A step that cannot be replayed
faithfully is refused with the reason, because a wrong curvature is worse than a missing one.
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

from descend.core.operations import Trait, having
from descend.doctor.record import Site
from descend.doctor.tape.call import NONE, SMOOTH, Call, Op, Origin, Slot, State, call_name, pack_arguments
from descend.doctor.tape.finalisation import NotReplayable, finalise
from descend.doctor.tape.mode_stack import remove_mode
from descend.doctor.tape.nesting import leaves
from descend.doctor.tape.randomness import RandomState
from descend.doctor.tape.recording import Recording
from descend.doctor.tape.trace import IN_TRANSFORM, Trace, is_leaf, is_wrapped, unwrap_gradient, version
from descend.doctor.tape.warning_lines import WarningsAtScriptLine

MOST_CALLS = 20_000  # A step with more torch calls than this is not recorded.
_BUILDERS = having(Trait.BUILDER)  # These calls make a tensor from memory that torch does not own.
# Reading one of these attributes of a tensor computes another tensor.
_ATTRIBUTES = frozenset("T mT H mH real imag data".split())
_GRADIENT = inspect.unwrap(torch.autograd.grad)
_LEAVES = frozenset({"requires_grad_", "set requires_grad"})  # These calls make a tensor a leaf of the graph.
_UNSEEN = frozenset(
    "backward register_hook register_post_accumulate_grad_hook retain_grad _set_grad_enabled "
    "__repr__ __format__ __str__ __hash__ __deepcopy__ __reduce_ex__ size dim numel stride is_contiguous "
    "is_floating_point is_complex element_size data_ptr get_device storage_offset untyped_storage __len__".split()
)


class Tape(TorchFunctionMode):
    """Records the torch calls of one step, from `start` to `finalise`, except between `pause` and `resume`."""

    def __init__(self, interesting: Container[str], origin: Callable[[FrameType], Origin]) -> None:
        super().__init__()
        # `origin` returns the source of a torch call; it is called only for calls whose name is in `interesting`.
        self.interesting, self.origin = interesting, origin
        self.on_first_use: Callable[[FrameType], None] = lambda frame: None
        self.trains: Callable[[Tensor], bool] = lambda leaf: True  # returns whether a leaf of the graph is a parameter
        self.room = inf  # bytes of memory left for the results of the calls, which are all kept until the end
        self.unwraps = False  # whether the loss runs inside `torch.func.grad`, so that tensors must be unwrapped
        self.active = False
        self.refusal: str | None = None
        self.delivered: dict[int, tuple[Tensor, str]] = {}  # id -> (a tensor from a DataLoader, the loader's name)
        self._trace = self._new_trace()
        self._process = os.getpid()

    @property
    def has_graph(self) -> bool:
        """Return whether the step has used a parameter with gradients enabled so far."""
        return self._trace.has_graph

    def start(self) -> None:
        """Start to record the torch calls of a step."""
        self.resume()

    def resume(self) -> None:
        """Continue to record; refuse the step if a torch function mode of the script is active."""
        if self.active:
            return
        mode = _get_current_function_mode()
        if mode is not None and type(mode).__name__ != "DeviceContext":
            self._refuse("a torch function mode of the script is active during the step")
            return
        _push_mode(self)
        self.active = True

    def restart(self) -> None:
        """Discard the calls recorded so far, unless the forward pass has already begun."""
        if not self._trace.has_graph:
            self.refusal, self._trace = None, self._new_trace()

    def pause(self) -> None:
        """Stop recording until `resume`; tensors made in the meantime count as data."""
        if self.active:
            remove_mode(self)
        self.active = False

    def uses_any(self, tensors: Container[int]) -> bool:
        """Return whether a call has used one of the tensors with these ids so far."""
        return any(id(tensor) in tensors for tensor in self._trace.tensors)

    def named_sites(self) -> list[tuple[str, Site]]:
        """Return the name (such as `pow` for `__pow__`) and source line of each call so far whose line was recorded."""
        return [(op.name.strip("_"), op.site) for op in self._trace.ops if op.site is not None]

    def finalise(self, root: Tensor) -> Recording:
        """Return a recording of the loss `root` as a function of the parameters, or raise `NotReplayable`."""
        self.pause()
        if self.refusal is not None:
            raise NotReplayable(self.refusal)
        trace, self._trace = self._trace, self._new_trace()
        return finalise(trace, root, self.delivered)

    def finalise_last(self) -> Recording | None:
        """Return a recording that computes the last parameter-dependent value; None if there is no such value.

        Raises `NotReplayable` with the reason.
        """
        if self.refusal is not None:
            raise NotReplayable(self.refusal)
        slot = self._trace.last_computed()
        return None if slot is None else self.finalise(self._trace.tensors[slot])

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Make the script's call and record it. A failure to record never changes the script's call."""
        kwargs, frame = kwargs or {}, sys._getframe(1)
        # `func` may be our wrapper of a torch function; the original function is recorded instead.
        func = getattr(func, "stands_for", func)
        name = call_name(func)
        if self.refusal is not None or not _is_recorded(func, name) or self._is_forked():
            return func(*args, **kwargs)
        if name == "grad":
            func = _GRADIENT  # Our wrapper of `grad` has already run, so the original is called.
            if not kwargs.get("create_graph"):
                return self._note_derivative(func(*args, **kwargs), frame)
        if name in _LEAVES:
            return self._note_leaf(func(*args, **kwargs), args)
        inputs = [leaf for leaf in leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        if torch.is_inference_mode_enabled() or any(map(self._is_hidden, inputs)):
            return self._call_unrecorded(func, args, kwargs, inputs)
        try:
            call = self._with_slots(func, name, (args, kwargs), inputs)
        except Exception as error:  # A tensor class of the script may raise any error.
            self._refuse(f"{name} cannot be recorded: {error}")
            return func(*args, **kwargs)
        versions, random = [version(tensor) for tensor in inputs], RandomState.now()
        with WarningsAtScriptLine(frame):
            result = func(*args, **kwargs)
        written = tuple(s for s, t, v in zip(call.inputs, inputs, versions) if version(t) != v)
        try:
            self._record_result(call, result, written, random if RandomState.now() != random else None, frame)
        except Exception as error:
            self._refuse(f"{name} cannot be recorded: {error}")
        return result

    def _with_slots(self, func: Any, name: str, arguments: tuple[Any, Any], inputs: list[Tensor]) -> Call:
        """Return a torch call with the slot (number) of each tensor in place of the tensor."""
        slots = self._slots_of(inputs)
        if self._trace.has_graph and _may_write(name, arguments[1]):
            for tensor in inputs:
                self._trace.copy_before_write(tensor)
        args, kwargs = pack_arguments(arguments, dict(zip(map(id, inputs), slots)))
        return Call(func, name, args, kwargs, tuple(slots), tuple(map(self._trace.dependence, slots)))

    def _slots_of(self, inputs: list[Tensor]) -> list[int]:
        """Return the slots (numbers) of a call's inputs. Discard all earlier calls if they only updated a parameter."""
        slots = [self._trace.slot_of(tensor) for tensor in inputs]
        trace = self._trace
        if trace.has_renewed_parameter or trace.written_through_alias and not trace.has_graph:
            # The script has updated a parameter by hand before the forward pass: in its memory, or as a new tensor.
            self._trace = self._new_trace()
            slots = [self._trace.slot_of(tensor) for tensor in inputs]
        return slots

    def _record_result(
        self, call: Call, result: Any, written: tuple[int, ...], random: RandomState | None, frame: FrameType
    ) -> None:
        """Record a call as a call to replay, as a number read by Python, or as a value that cannot be recomputed."""
        trace = self._trace
        results = [leaf if isinstance(leaf, Tensor) else None for leaf in leaves(result)]
        made = [tensor for tensor in results if tensor is not None]
        lost = next((trace.foreign[s] for s in call.inputs if s in trace.foreign), None)
        if call.name == "set data":
            self._note_data_write(trace.tensors[call.inputs[0]])
        elif not made and not written:
            trace.note_read(call, result)
        elif lost is not None:
            trace.note_foreign_call(lost, made, written)
        elif call.name in _BUILDERS and not call.inputs:
            trace.built.update({id(tensor): (tensor, len(trace.ops)) for tensor in made})
        else:
            self._add_to_trace(call, results, written, random, frame)

    def _add_to_trace(
        self,
        call: Call,
        results: list[Tensor | None],
        written: tuple[int, ...],
        random: RandomState | None,
        frame: FrameType,
    ) -> None:
        """Add a call to the recorded calls; restart if it was part of a manual update before the forward pass."""
        trace, made = self._trace, [tensor for tensor in results if tensor is not None]
        if not call.inputs and made and made[0].device.type != "cpu":
            call.kwargs.setdefault("device", made[0].device)  # The default device may be different during the replay.
        dependence = max(call.dependences, default=NONE)
        outputs = tuple(None if tensor is None else trace.add_result(tensor, dependence) for tensor in results)
        self.room -= sum(tensor.numel() * tensor.element_size() for tensor in made)
        void = any([trace.note_write(slot, dependence) for slot in written])
        origin = self.origin(frame) if call.name in self.interesting else None
        trace.append(
            Op(**vars(call), outputs=outputs, written=written, state=State.now(), random=random, origin=origin)
        )
        if not trace.has_graph and dependence == SMOOTH and any(tensor.grad_fn is not None for tensor in made):
            trace.has_graph = True
            self.on_first_use(frame)
        if void:
            self.restart()  # The script has updated parameters or data by hand before this step's forward pass.
        if len(trace.ops) > MOST_CALLS:
            self._refuse(f"the step makes more than {MOST_CALLS} torch calls")
        elif self.room < 0:
            self._refuse("the results of the step's torch calls are too large to be kept")

    def _note_derivative(self, result: Any, frame: FrameType) -> Any:
        """Record a gradient that `torch.autograd.grad` returned without a graph; a replay treats it as data."""
        for leaf in result if self._trace.has_graph and isinstance(result, tuple) else ():
            if isinstance(leaf, Tensor) and not leaf.requires_grad:
                self._trace.derivatives[self._trace.slot_of(leaf)] = self.origin(frame).site
        return result

    def _note_leaf(self, result: Any, args: tuple) -> Any:
        """Record a call of `requires_grad_` that makes a tensor computed in this step a leaf of the autograd graph."""
        tensor, trace = args[0], self._trace
        slot = trace.find_slot(tensor)
        if slot is not None and is_leaf(tensor) and not trace.is_renewed(slot):
            made, dependence = trace.add_result(tensor, trace.dependence(slot)), (trace.dependence(slot),)
            call = Call(Tensor.requires_grad_, "requires_grad_", (Slot(slot),), {}, (slot,), dependence)
            trace.append(Op(**vars(call), outputs=(made,), written=(), state=State.now(), random=None, origin=None))
        return result

    def _note_data_write(self, tensor: Tensor) -> None:
        """Handle an assignment to `.data`: refuse losses that use the tensor, or restart before the forward pass."""
        if self._trace.has_graph:
            self._trace.mark_foreign(tensor, "the script assigns to the .data of a tensor before it computes the loss")
        else:
            self.restart()

    def _call_unrecorded(self, func: Any, args: Any, kwargs: Any, inputs: list[Tensor]) -> Any:
        """Make a call that cannot be replayed, and mark its results so that a loss that uses them is refused."""
        result = func(*args, **kwargs)
        trace = self._trace
        slots = [slot for tensor in inputs if (slot := trace.find_slot(tensor)) is not None]
        depends = any(t.requires_grad for t in inputs)
        if depends or any(trace.dependence(slot) == SMOOTH for slot in slots):
            trace.note_read_by(call_name(func), result)
            for leaf in leaves(result):
                if isinstance(leaf, Tensor):
                    trace.mark_foreign(leaf, IN_TRANSFORM)
        return result

    def _new_trace(self) -> Trace:
        """Return an empty trace, to which the calls of a step are added."""
        return Trace(lambda leaf: self.trains(leaf))  # a lambda, because `trains` may be set later

    def _is_hidden(self, tensor: Tensor) -> bool:
        """Return whether a function transform such as `vmap` has wrapped the tensor."""
        return is_wrapped(unwrap_gradient(tensor) if self.unwraps else tensor)

    def _is_forked(self) -> bool:
        """Return whether this is a DataLoader worker, forked while the tape was active; if so, refuse the step."""
        if os.getpid() == self._process:
            return False
        self._refuse("recorded in another process")
        return True

    def _refuse(self, reason: str) -> None:
        """Store the reason for refusing the step, unless there is one already, and discard the recorded calls."""
        self.refusal, self._trace = self.refusal or reason, self._new_trace()


def _is_recorded(func: Any, name: str) -> bool:
    """Return whether the tape records this function or attribute."""
    kind = getattr(func, "__name__", "")
    if kind == "__get__":
        return name in _ATTRIBUTES
    return name in ("set data", "set requires_grad") if kind == "__set__" else name not in _UNSEEN


def _may_write(name: str, kwargs: dict) -> bool:
    """Return whether a torch call may change one of its arguments in place, judging by its name and `out`."""
    return name.endswith("_") or name == "__setitem__" or "out" in kwargs
