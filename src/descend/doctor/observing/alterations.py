"""Is the step this loss's step? What changes gradients on their way to the optimizer, and parameters between its steps.

In a few early steps the gradients as the backward pass leaves them are held against those that the step is given, and
the parameters as the step leaves them against those of the next backward pass. Where they differ, the calls that wrote
to them are known by their lines.
"""

import sys
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor
from torch.optim import Optimizer
from torch.overrides import TorchFunctionMode

from descend.doctor.observing.frames import CallSpan, SourceTree, call_span, is_within
from descend.doctor.observing.heirs import memory_of, tensors_in
from descend.doctor.observing.modules import Modules
from descend.doctor.reading.attribution import Stepper
from descend.doctor.record import Fact, Listener, facts
from descend.doctor.tape import at_the_bottom, take_off
from descend.doctor.tape.call import call_name

FIRST, LAST = 2, 4  # steps that are looked at; of the first ones a rule may not have any memory yet
SCALED = "unscale"
KNOWN = {"torch.nn.utils.clip_grad": "clip", "torch.amp.grad_scaler": SCALED}  # module -> what its calls are told as


class _Writes(TorchFunctionMode):
    """Notes which calls write to the memory of some tensors, and where they stand."""

    def __init__(self, kind: str, watched: Iterable[Tensor], tree: SourceTree) -> None:
        super().__init__()
        self.kind = kind
        self.memory, self.tree = {memory_of(tensor) for tensor in watched}, tree
        self.calls: dict[CallSpan | None, str] = {}  # where -> which

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = call_name(func)
        is_write = name.endswith("_") or name.startswith(("__i", "set ", "_amp", "_foreach")) or name == "__setitem__"
        if is_write or (kwargs and "out" in kwargs):
            given = (args[:1], (kwargs or {}).get("out")) if args else kwargs  # `torch.nn.init` gives all by name
            written = tensors_in(given)
            if self._is_written(name, written):
                frame = sys._getframe(1)
                name = next((of for module, of in KNOWN.items() if is_within(frame, module)), name.strip("_"))
                self.calls.setdefault(call_span(self.tree.caller(frame)), name)
        return func(*args, **(kwargs or {}))

    def _is_written(self, name: str, written: Iterable[Tensor]) -> bool:
        if name == "set grad":
            return self.kind == "gradient"
        return any(memory_of(tensor) in self.memory for tensor in written)


class Alterations:
    """Follows one optimizer's gradients and parameters over a few steps; says nothing where several take turns.

    In a run of ours alone: a function mode would have somebody's compiled step compiled anew.
    """

    def __init__(self, modules: Modules, send: Listener, steppers: Mapping[str, Stepper], *, owning: bool) -> None:
        self.modules, self.send, self.steppers, self.owning = modules, send, steppers, owning
        self._mode: _Writes | None = None
        self._kept: list[Tensor | None] = []  # gradients, or parameters, as they were
        self._sums: dict[str, list[float]] = {}  # by kind: what was given · what was made, and their squares
        self._seen: set[CallSpan | None] = set()
        self._is_stepping = False
        self._before: list[Tensor] = []  # parameters, as the step found them
        self._state: weakref.ref[Tensor] | None = None  # one tensor that the rule remembers
        self._forgotten = 0  # times that it was gone when the next step began

    def backward_begins(self) -> None:
        """Before a backward pass: have the parameters been changed since the last step?"""
        if not self._is_stepping:
            self._stop("parameters")

    def backward_ended(self) -> None:
        """Behind a backward pass: keep its gradients, and see who writes to them."""
        if not self._is_stepping and (stepper := self._looked_at()):
            self._start("gradient", _gradients(stepper))

    def step_begins(self) -> None:
        """Before a step: are the gradients still those?"""
        self._stop("gradient")
        self._is_stepping = True
        stepper = self._looked_at()
        optimizer = stepper.optimizer if stepper else None
        if self._state is not None and optimizer is not None and _remembered(optimizer) is None:
            self._forgotten += 1
        self._state = None
        self._before = [p.clone() for p in _parameters(stepper)] if stepper else []

    def step_ended(self) -> None:
        """Behind a step: keep the parameters, and see who writes to them."""
        self._is_stepping = False
        stepper = self._looked_at()
        if stepper is None:
            return
        if self._before:
            after = _parameters(stepper)
            if len(after) == len(self._before):
                self._add("step", self._before, after)
            self._start("parameters", after)
            kept = None if stepper.optimizer is None else _remembered(stepper.optimizer)
            self._state = None if kept is None else weakref.ref(kept, self._note_forgetting)
        if stepper.steps == LAST:
            self._tell(stepper)

    def _note_forgetting(self, gone: object) -> None:
        """Where the last use of what the rule remembers ends: the line that throws it away."""
        span = call_span(self.modules.tree.caller(sys._getframe(1)))
        if not self._is_stepping and span not in self._seen:
            self.modules.note_site("altered_state", str(len(self._seen)), span, "state")
            self._seen.add(span)

    def _looked_at(self) -> Stepper | None:
        """Return the optimizer that is followed at this step; None where none is."""
        alone = next(iter(self.steppers.values())) if self.owning and len(self.steppers) == 1 else None
        return alone if alone and not alone.by_hand and FIRST <= alone.steps <= LAST else None

    def _start(self, kind: str, watched: Sequence[Tensor | None]) -> None:
        self._take_off()
        present = [tensor for tensor in watched if tensor is not None]
        if present and not any(tensor.is_sparse for tensor in present):
            self._kept = [None if tensor is None else tensor.detach().clone() for tensor in watched]
            self._mode = _Writes(kind, present, self.modules.tree)
            at_the_bottom(self._mode)

    def _stop(self, kind: str) -> None:
        mode, kept = self._mode, self._kept
        self._take_off()
        if mode is None or mode.kind != kind:
            return
        followed = list(self.steppers.values())
        now = [t for s in followed for t in (_gradients(s) if kind == "gradient" else _parameters(s))]
        if len(kept) != len(now):
            return
        if SCALED in mode.calls.values():
            return  # its own factor is taken out again
        self._add(kind, kept, now)
        for span, name in mode.calls.items():
            if span not in self._seen:
                self.modules.note_site(f"altered_{kind}", str(len(self._seen)), span, name)
                self._seen.add(span)

    def _add(self, kind: str, before: Sequence[Tensor | None], after: Sequence[Tensor | None]) -> None:
        pairs = [(b, a) for b, a in zip(before, after) if b is not None and a is not None and b.shape == a.shape]
        sums = self._sums.setdefault(kind, [0.0, 0.0, 0.0, 0.0])
        for b, a in pairs:
            b, a = b.double(), a.double()
            for i, value in enumerate(((b * a).sum(), b.square().sum(), a.square().sum(), (a - b).square().sum())):
                sums[i] += float(value)

    def _take_off(self) -> None:
        if self._mode is not None:
            take_off(self._mode)
        self._mode, self._kept = None, []

    @property
    def are_reversed(self) -> bool:
        """Whether the optimizer is given the gradients with their sign turned."""
        return self._of_gradients().is_reversed

    def _of_gradients(self) -> facts.Alterations:
        dot, made, given, apart = self._sums.get("gradient", (0.0,) * 4)
        found = facts.Alterations(forgotten=self._forgotten)
        if apart > 0 and made > 0 and given > 0:
            found = replace(found, cosine=dot / (made * given) ** 0.5, ratio=(given / made) ** 0.5)
        return found

    def _tell(self, stepper: Stepper) -> None:
        moved, since = self._sums.get("step", (0.0,) * 4)[3], self._sums.get("parameters", (0.0,) * 4)[3]
        found = self._of_gradients()
        if since > 0:
            found = replace(found, between_steps=(since / moved) ** 0.5 if moved > 0 else float("inf"))
        if found != facts.Alterations():
            self.send([Fact.of(found, stepper.steps, stepper.key)])


def _gradients(stepper: Stepper) -> list[Tensor | None]:
    return [parameter.grad for parameter in stepper.parameters()]


def _parameters(stepper: Stepper) -> list[Tensor]:
    return [parameter.detach() for parameter in stepper.parameters()]


def _remembered(optimizer: Optimizer) -> Tensor | None:
    """Return one tensor of what a rule remembers; None where it remembers nothing."""
    values = (value for state in optimizer.state.values() if isinstance(state, dict) for value in state.values())
    return next((value for value in values if isinstance(value, Tensor) and value.ndim), None)
