"""What draws, or takes a batch's own statistics, where no gradient is taken: evaluations in training mode."""

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from inspect import BoundArguments
from types import FrameType
from typing import Any

import torch
import torch.nn.functional as F
from torch.compiler import is_compiling

from descend.doctor.observing.frames import CallSpan, call_span, is_in_autograd, outermost_module
from descend.doctor.observing.guard import harmless
from descend.doctor.observing.modules import Modules
from descend.doctor.observing.observer import Observer
from descend.doctor.observing.replacing import replaced, standing_for
from descend.doctor.record import Fact, Listener, facts
from descend.doctor.tape.evaluation import DROPOUTS

SWITCHED = (*DROPOUTS, F.batch_norm)
MOST = 4  # places that are told


class Modes:
    """Takes note of training mode where gradients are switched off. `step` is the optimizer's present one."""

    def __init__(
        self, modules: Modules, send: Listener, step: Callable[[], int], is_script: Callable[[], bool]
    ) -> None:
        self.modules, self.send, self.step, self.is_script = modules, send, step, is_script
        self.inert = False
        self._seen: set[tuple[CallSpan, CallSpan | None]] = set()

    def stumbled(self, error: Exception) -> None:
        """A mistake here costs a measurement and nothing else."""

    @harmless
    def called(self, function: str, given: Callable[[], BoundArguments], frame: FrameType | None) -> None:
        """Note the call of the model; and within it the one that draws, where nothing tells that one the mode."""
        if not self.step() or len(self._seen) == MOST or not self.is_script() or is_in_autograd(frame):
            return
        arguments = given()
        by_itself = "training" not in arguments.arguments
        arguments.apply_defaults()
        if not _draws(arguments.arguments):
            return
        tree = self.modules.tree
        evaluated = call_span(tree.caller(outermost_module(frame)[1]))
        drawn = call_span(tree.caller(frame)) if by_itself else None
        if evaluated is None or (evaluated, drawn) in self._seen:
            return
        key = str(len(self._seen))
        self._seen.add((evaluated, drawn))
        self.send([Fact.of(facts.TrainingMode(function, by_itself), self.step(), key)])
        self.modules.note_site("evaluated", key, evaluated, function)
        self.modules.note_site("drawn", key, drawn, function)


def modes_of(watch: Observer) -> Modes:
    """Return what notes the modes of the run that `watch` observes."""

    def is_script() -> bool:
        return not (watch.inert or watch.examiner.budget.is_spending)

    return Modes(watch.modules, watch.send, lambda: watch.steps, is_script)


@contextmanager
def observing_modes(modes: Modes) -> Iterator[None]:
    """Report to `modes` for as long as the context lasts."""
    with ExitStack() as stack:
        for function in SWITCHED:
            stack.enter_context(replaced(F, function.__name__, _noting(function, modes)))
        yield


def _noting(original: Any, modes: Modes) -> Any:
    signature = inspect.signature(original)

    @standing_for(original)
    def function(*args: Any, **kwargs: Any) -> Any:
        if not torch.is_grad_enabled() and not is_compiling():
            modes.called(original.__name__, lambda: signature.bind(*args, **kwargs), sys._getframe(1))
        return original(*args, **kwargs)

    return function


def _draws(given: Mapping[str, Any]) -> bool:
    """Whether a call is one of training: with a share to leave out, or with running statistics that it moves."""
    return given["training"] and bool(given.get("p", given.get("running_mean") is not None))
