"""Find code that changes gradients between backward() and step(), or parameters between two steps.

In a few early steps, the gradients after the backward pass are compared with those that the optimizer receives.
Likewise, the parameters after a step are compared with those before the next backward pass. If they differ, the
calls that wrote to them are reported with their lines.
"""

import sys
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor
from torch.optim import Optimizer
from torch.overrides import TorchFunctionMode

from descend.doctor.instrumentation.derived_tensors import tensors_in
from descend.doctor.instrumentation.frames import CallSpan, SourceTree, call_span, is_within
from descend.doctor.instrumentation.modules import Modules
from descend.doctor.instrumentation.steps.attribution import Stepper
from descend.doctor.record import Fact, Listener, SiteKind, facts
from descend.doctor.tape import push_at_bottom, remove_mode
from descend.doctor.tape.call import call_name
from descend.doctor.tape.trace import memory_id

FIRST, LAST = 2, 4  # first and last observed step; before them, an optimizer may have no state
SCALED = "unscale"
# Python module -> name of its calls in reports
KNOWN = {"torch.nn.utils.clip_grad": "clip", "torch.amp.grad_scaler": SCALED}


class _WriteRecorder(TorchFunctionMode):
    """Records the torch calls that write to the memory of watched tensors, with their places in the source."""

    def __init__(self, kind: str, watched: Iterable[Tensor], tree: SourceTree) -> None:
        super().__init__()
        self.kind = kind
        self.memory, self.tree = {memory_id(tensor) for tensor in watched}, tree
        self.calls: dict[CallSpan | None, str] = {}  # place in the source -> name of the torch call

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = call_name(func)
        is_write = name.endswith("_") or name.startswith(("__i", "set ", "_amp", "_foreach")) or name == "__setitem__"
        if is_write or (kwargs and "out" in kwargs):
            # Functions of `torch.nn.init` pass all arguments by name.
            given = (args[:1], (kwargs or {}).get("out")) if args else kwargs
            written = tensors_in(given)
            if self._is_written(name, written):
                frame = sys._getframe(1)
                name = next((of for module, of in KNOWN.items() if is_within(frame, module)), name.strip("_"))
                self.calls.setdefault(call_span(self.tree.caller(frame)), name)
        return func(*args, **(kwargs or {}))

    def _is_written(self, name: str, written: Iterable[Tensor]) -> bool:
        """Return whether a torch call writes to the memory of a watched tensor."""
        if name == "set grad":
            return self.kind == "gradient"
        return any(memory_id(tensor) in self.memory for tensor in written)


class WriteTracker:
    """Finds writes to the gradients and parameters of a script's only optimizer, in a few early steps.

    This happens only in our own runs: in a watched run the function mode would make `torch.compile` compile again.
    """

    def __init__(self, modules: Modules, send: Listener, steppers: Mapping[str, Stepper], *, owns_run: bool) -> None:
        self.modules, self.send, self.steppers, self.owns_run = modules, send, steppers, owns_run
        self._mode: _WriteRecorder | None = None
        self._kept: list[Tensor | None] = []  # copies of the watched gradients or parameters
        # gradient, parameters or step -> [dot product of before and after, both squared norms, squared distance]
        self._sums: dict[str, list[float]] = {}
        self._seen: set[CallSpan | None] = set()
        self._is_stepping = False
        self._before: list[Tensor] = []  # copies of the parameters before the step
        self._state: weakref.ref[Tensor] | None = None  # one tensor of the optimizer's state
        self._forgotten = 0  # number of steps before which the optimizer's state had been freed

    def backward_begins(self) -> None:
        """Before a backward pass, compare the parameters with those after the last step."""
        if not self._is_stepping:
            self._stop_recording("parameters")

    def backward_ended(self) -> None:
        """After a backward pass, copy the gradients, and begin to record the calls that write to them."""
        if not self._is_stepping and (stepper := self._observed_optimizer()):
            self._start_recording("gradient", _gradients(stepper))

    def step_begins(self) -> None:
        """Before a step, compare the gradients with those after the backward pass, and copy the parameters."""
        self._stop_recording("gradient")
        self._is_stepping = True
        stepper = self._observed_optimizer()
        optimizer = stepper.optimizer if stepper else None
        if self._state is not None and optimizer is not None and _state_tensor(optimizer) is None:
            self._forgotten += 1
        self._state = None
        self._before = [p.clone() for p in _parameters(stepper)] if stepper else []

    def step_ended(self) -> None:
        """After a step, copy the parameters, and begin to record the calls that write to them."""
        self._is_stepping = False
        stepper = self._observed_optimizer()
        if stepper is None:
            return
        if self._before:
            after = _parameters(stepper)
            if len(after) == len(self._before):
                self._add_changes("step", self._before, after)
            self._start_recording("parameters", after)
            kept = None if stepper.optimizer is None else _state_tensor(stepper.optimizer)
            self._state = None if kept is None else weakref.ref(kept, self._report_state_freed)
        if stepper.steps == LAST:
            self._send_changes(stepper)

    def _report_state_freed(self, reference: object) -> None:
        """Report the source line at which the optimizer's state is freed between two steps."""
        span = call_span(self.modules.tree.caller(sys._getframe(1)))
        if not self._is_stepping and span not in self._seen:
            self.modules.report_site(SiteKind.ALTERED_STATE, str(len(self._seen)), span, "state")
            self._seen.add(span)

    def _observed_optimizer(self) -> Stepper | None:
        """Return the script's only optimizer if it is observed at this step; otherwise None."""
        alone = next(iter(self.steppers.values())) if self.owns_run and len(self.steppers) == 1 else None
        return alone if alone and not alone.by_hand and FIRST <= alone.steps <= LAST else None

    def _start_recording(self, kind: str, watched: Sequence[Tensor | None]) -> None:
        """Copy the tensors, and begin to record the calls that write to them; `kind`: "gradient" or "parameters"."""
        self._remove_mode()
        present = [tensor for tensor in watched if tensor is not None]
        if present and not any(tensor.is_sparse for tensor in present):
            self._kept = [None if tensor is None else tensor.detach().clone() for tensor in watched]
            self._mode = _WriteRecorder(kind, present, self.modules.tree)
            push_at_bottom(self._mode)

    def _stop_recording(self, kind: str) -> None:
        """Stop recording, add up how the tensors changed, and report the calls that wrote to them."""
        mode, kept = self._mode, self._kept
        self._remove_mode()
        if mode is None or mode.kind != kind:
            return
        followed = list(self.steppers.values())
        now = [t for s in followed for t in (_gradients(s) if kind == "gradient" else _parameters(s))]
        if len(kept) != len(now):
            return
        if SCALED in mode.calls.values():
            return  # A GradScaler only divides gradients by its scale.
        self._add_changes(kind, kept, now)
        for span, name in mode.calls.items():
            if span not in self._seen:
                self.modules.report_site(SiteKind(f"altered_{kind}"), str(len(self._seen)), span, name)
                self._seen.add(span)

    def _add_changes(self, kind: str, before: Sequence[Tensor | None], after: Sequence[Tensor | None]) -> None:
        """Add the dot product, squared norms and squared distance of `before` and `after` to the sums for `kind`."""
        pairs = [(b, a) for b, a in zip(before, after) if b is not None and a is not None and b.shape == a.shape]
        sums = self._sums.setdefault(kind, [0.0, 0.0, 0.0, 0.0])
        for b, a in pairs:
            b, a = b.double(), a.double()
            for i, value in enumerate(((b * a).sum(), b.square().sum(), a.square().sum(), (a - b).square().sum())):
                sums[i] += float(value)

    def _remove_mode(self) -> None:
        """Stop recording the calls that write to watched tensors."""
        if self._mode is not None:
            remove_mode(self._mode)
        self._mode, self._kept = None, []

    @property
    def are_reversed(self) -> bool:
        """Return whether the script reverses the sign of the gradients between backward() and step()."""
        return self._gradient_changes().is_reversed

    def _gradient_changes(self) -> facts.Alterations:
        """Return how the gradients before the step differ from those after backward(): cosine and ratio of norms."""
        dot, made, given, apart = self._sums.get("gradient", (0.0,) * 4)
        found = facts.Alterations(forgotten=self._forgotten)
        if apart > 0 and made > 0 and given > 0:
            found = replace(found, cosine=dot / (made * given) ** 0.5, ratio=(given / made) ** 0.5)
        return found

    def _send_changes(self, stepper: Stepper) -> None:
        """Send how the script has changed gradients, optimizer state and parameters, if it has."""
        moved, since = self._sums.get("step", (0.0,) * 4)[3], self._sums.get("parameters", (0.0,) * 4)[3]
        found = self._gradient_changes()
        if since > 0:
            found = replace(found, between_steps=(since / moved) ** 0.5 if moved > 0 else float("inf"))
        if found != facts.Alterations():
            self.send([Fact.of(found, stepper.steps, stepper.key)])


def _gradients(stepper: Stepper) -> list[Tensor | None]:
    """Return the gradient of each parameter of an optimizer."""
    return [parameter.grad for parameter in stepper.parameters()]


def _parameters(stepper: Stepper) -> list[Tensor]:
    """Return the parameters of an optimizer, detached from the graph."""
    return [parameter.detach() for parameter in stepper.parameters()]


def _state_tensor(optimizer: Optimizer) -> Tensor | None:
    """Return one tensor of an optimizer's state; None if the optimizer has no state."""
    values = (value for state in optimizer.state.values() if isinstance(state, dict) for value in state.values())
    return next((value for value in values if isinstance(value, Tensor) and value.ndim), None)
