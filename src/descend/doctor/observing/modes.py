"""Evaluations in training mode: calls that draw, or take a batch's own statistics, and that no gradient is taken of."""

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

from descend.doctor.observing.forward_passes import ComputedAsTrained, ForwardPasses, network_input
from descend.doctor.observing.frames import CallSpan, call_span, is_in_autograd, outermost_call, outermost_module
from descend.doctor.observing.guard import harmless
from descend.doctor.observing.modules import Modules
from descend.doctor.observing.observer import Observer
from descend.doctor.observing.replacing import replaced, standing_for
from descend.doctor.record import Fact, Listener, facts
from descend.doctor.tape.evaluation import DROPOUTS

SWITCHED = (*DROPOUTS, F.batch_norm)
MOST = 4  # places that are told


class Modes:
    """Takes note of evaluations in training mode. `step` is the optimizer's present one."""

    def __init__(
        self, modules: Modules, send: Listener, step: Callable[[], int], is_script: Callable[[], bool]
    ) -> None:
        self.modules, self.send, self.step, self.is_script = modules, send, step, is_script
        self.inert = False
        self._seen: set[tuple[CallSpan, CallSpan | None]] = set()
        self._passes = ForwardPasses()

    def stumbled(self, error: Exception) -> None:
        """A mistake here costs a measurement and nothing else."""

    @harmless
    def called(self, function: str, given: Callable[[], BoundArguments], frame: FrameType | None) -> None:
        """Note a call where gradients are switched off: of the model, and of a function that gets no mode."""
        if (found := self._found(function, given, frame)) is not None:
            self._tell(found)

    @harmless
    def followed(self, function: str, given: Callable[[], BoundArguments], frame: FrameType | None, made: Any) -> None:
        """Follow what a call makes where gradients are on: it is a training's if a backward pass reaches it."""
        found = self._found(function, given, frame) if isinstance(made, Tensor) else None
        if found is not None and (call := outermost_call(frame)) is not None:
            lines = self.modules.tree.lines(call.f_back)
            self._passes.called(found, lines, self.step(), (network_input(call), made))

    @harmless
    def finish(self) -> None:
        """Send the places that evaluate with gradients on, which only the whole run shows."""
        for found in self._passes.evaluations():
            self._tell(found)

    def _found(
        self, function: str, given: Callable[[], BoundArguments], frame: FrameType | None
    ) -> ComputedAsTrained | None:
        if not self.step() or len(self._seen) == MOST or not self.is_script() or is_in_autograd(frame):
            return None
        arguments = given()
        by_itself = "training" not in arguments.arguments
        arguments.apply_defaults()
        if not _draws(arguments.arguments):
            return None
        tree = self.modules.tree
        evaluated = call_span(tree.caller(outermost_module(frame)[1]))
        drawn = call_span(tree.caller(frame)) if by_itself else None
        mode = facts.TrainingMode(function, by_itself, torch.is_grad_enabled())
        return None if evaluated is None else ComputedAsTrained(mode, evaluated, drawn)

    def _tell(self, found: ComputedAsTrained) -> None:
        mode, evaluated, drawn = found
        if (evaluated, drawn) in self._seen or len(self._seen) == MOST:
            return
        key = str(len(self._seen))
        self._seen.add((evaluated, drawn))
        self.send([Fact.of(mode, self.step(), key)])
        self.modules.note_site("evaluated", key, evaluated, mode.function)
        self.modules.note_site("drawn", key, drawn, mode.function)


def modes_of(watch: Observer) -> Modes:
    """Return what notes the modes of the run that `watch` observes."""

    def is_script() -> bool:
        return not (watch.inert or watch.examiner.budget.is_spending)

    return Modes(watch.modules, watch.send, lambda: watch.steps, is_script)


@contextmanager
def observing_modes(modes: Modes) -> Iterator[Modes]:
    """Report to `modes` for as long as the context lasts."""
    with ExitStack() as stack:
        for function in SWITCHED:
            stack.enter_context(replaced(F, function.__name__, _noting(function, modes)))
        yield modes


def _noting(original: Any, modes: Modes) -> Any:
    signature = inspect.signature(original)

    @standing_for(original)
    def function(*args: Any, **kwargs: Any) -> Any:
        if is_compiling():
            return original(*args, **kwargs)
        event = (original.__name__, lambda: signature.bind(*args, **kwargs), sys._getframe(1))
        if not torch.is_grad_enabled():
            modes.called(*event)
            return original(*args, **kwargs)
        made = original(*args, **kwargs)
        modes.followed(*event, made)
        return made

    return function


def _draws(given: Mapping[str, Any]) -> bool:
    """Whether a call is one of training: with a share to leave out, or with running statistics that it moves."""
    return given["training"] and bool(given.get("p", given.get("running_mean") is not None))
