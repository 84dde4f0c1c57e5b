"""Find evaluations in training mode: calls of dropout or batch norm in training mode that are not differentiated."""

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from inspect import BoundArguments
from types import FrameType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.compiler import is_compiling

from descend.doctor.instrumentation.attribute_patching import patched_attribute, wraps_torch_function
from descend.doctor.instrumentation.forward_passes import ComputedAsTrained, ForwardPasses, network_input
from descend.doctor.instrumentation.frames import CallSpan, call_span, is_in_autograd, outermost_call, outermost_module
from descend.doctor.instrumentation.internal_errors import EventHandler, never_raises
from descend.doctor.instrumentation.modules import Modules
from descend.doctor.instrumentation.observer import Observer
from descend.doctor.record import Fact, Listener, SiteKind, facts
from descend.doctor.tape.evaluation import DROPOUTS

SWITCHED = (*DROPOUTS, F.batch_norm)
MOST = 4  # At most this many places in the source are reported.


class TrainingModeCalls(EventHandler):
    """Finds evaluations in which dropout or batch norm is in training mode. `step` returns the step number."""

    def __init__(
        self, modules: Modules, send: Listener, step: Callable[[], int], is_script: Callable[[], bool]
    ) -> None:
        self.modules, self.send, self.step, self.is_script = modules, send, step, is_script
        self._seen: set[tuple[CallSpan, CallSpan | None]] = set()
        self._passes = ForwardPasses()

    @never_raises
    def called_without_gradients(
        self, function: str, given: Callable[[], BoundArguments], frame: FrameType | None
    ) -> None:
        """Report a call of dropout or batch norm in training mode with gradients disabled, as in an evaluation."""
        if (found := self._call_in_training_mode(function, given, frame)) is not None:
            self._report(found)

    @never_raises
    def called_with_gradients(
        self, function: str, given: Callable[[], BoundArguments], frame: FrameType | None, made: Any
    ) -> None:
        """Observe a call in training mode with gradients enabled; it is an evaluation if no backward pass follows."""
        found = self._call_in_training_mode(function, given, frame) if isinstance(made, Tensor) else None
        if found is not None and (call := outermost_call(frame)) is not None:
            lines = self.modules.tree.lines(call.f_back)
            self._passes.add_call(found, lines, self.step(), (network_input(call), made))

    @never_raises
    def finish(self) -> None:
        """Report the evaluations with gradients enabled, which are certain only at the end of the run."""
        for found in self._passes.evaluations():
            self._report(found)

    def _call_in_training_mode(
        self, function: str, given: Callable[[], BoundArguments], frame: FrameType | None
    ) -> ComputedAsTrained | None:
        """Return a call that the script makes in training mode after its first step; None for any other call."""
        if not self.step() or len(self._seen) == MOST or not self.is_script() or is_in_autograd(frame):
            return None
        arguments = given()
        by_itself = "training" not in arguments.arguments
        arguments.apply_defaults()
        if not _acts_as_in_training(arguments.arguments):
            return None
        tree = self.modules.tree
        evaluated = call_span(tree.caller(outermost_module(frame)[1]))
        drawn = call_span(tree.caller(frame)) if by_itself else None
        mode = facts.TrainingMode(function, by_itself, torch.is_grad_enabled())
        return None if evaluated is None else ComputedAsTrained(mode, evaluated, drawn)

    def _report(self, found: ComputedAsTrained) -> None:
        """Send a call in training mode and its places in the source, unless they were sent before."""
        mode, evaluated, drawn = found
        if (evaluated, drawn) in self._seen or len(self._seen) == MOST:
            return
        key = str(len(self._seen))
        self._seen.add((evaluated, drawn))
        self.send([Fact.of(mode, self.step(), key)])
        self.modules.report_site(SiteKind.EVALUATED, key, evaluated, mode.function)
        self.modules.report_site(SiteKind.DRAWN, key, drawn, mode.function)


def training_mode_calls_of(observer: Observer) -> TrainingModeCalls:
    """Create the `TrainingModeCalls` for the run that `observer` observes."""

    def is_script() -> bool:
        """Return whether the script itself is running, and not one of our measurements or a forked process."""
        return not (observer.is_disabled or observer.probe_runner.budget.is_spending)

    return TrainingModeCalls(observer.modules, observer.send, lambda: observer.steps, is_script)


@contextmanager
def observing_training_mode(modes: TrainingModeCalls) -> Iterator[TrainingModeCalls]:
    """Report the calls of dropout and batch norm functions to `modes` inside the `with` block."""
    with ExitStack() as stack:
        for function in SWITCHED:
            stack.enter_context(patched_attribute(F, function.__name__, _wrap_function(function, modes)))
        yield modes


def _wrap_function(original: Any, modes: TrainingModeCalls) -> Any:
    """Return a wrapper of a dropout or batch norm function that reports each call."""
    signature = inspect.signature(original)

    @wraps_torch_function(original)
    def call_and_report(*args: Any, **kwargs: Any) -> Any:
        """Call the original function, and report the call."""
        if is_compiling():
            return original(*args, **kwargs)
        event = (original.__name__, lambda: signature.bind(*args, **kwargs), sys._getframe(1))
        if not torch.is_grad_enabled():
            modes.called_without_gradients(*event)
            return original(*args, **kwargs)
        made = original(*args, **kwargs)
        modes.called_with_gradients(*event, made)
        return made

    return call_and_report


def _acts_as_in_training(given: Mapping[str, Any]) -> bool:
    """Return whether a dropout call drops values, or a batch norm call updates its running statistics."""
    return given["training"] and bool(given.get("p", given.get("running_mean") is not None))
