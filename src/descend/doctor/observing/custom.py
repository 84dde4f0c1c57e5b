"""Custom autograd Functions: each is checked against finite differences once, when the training is over.

A Function may have a state of its own: to run it once more in the middle would change the training.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.compiler import is_compiling

from descend.doctor.observing.frames import call_span
from descend.doctor.observing.guard import harmless
from descend.doctor.observing.modules import Modules
from descend.doctor.observing.replacing import replaced
from descend.doctor.observing.taping import first_line
from descend.doctor.probes.gradient_check import gradient_error
from descend.doctor.record import Fact, Listener, facts


class CustomFunctions:
    """Which hand-written Functions the script applies."""

    def __init__(self, modules: Modules, send: Listener, note: Callable[..., None]) -> None:
        self.modules, self.send, self.note = modules, send, note
        self.inert = False
        self._seen: dict[type, tuple[Callable[..., Any], tuple]] = {}  # what each was first given

    def stumbled(self, error: Exception) -> None:
        """Take note of a mistake of ours, or of a Function that cannot run in float64."""
        self.note("gradient_check", first_line(error), 0)

    @harmless
    def applied(self, kind: type, apply: Callable[..., Any], args: tuple, frame: FrameType | None) -> None:
        """Keep what a Function is given the first time that a gradient will flow through it."""
        flows = any(isinstance(a, Tensor) and a.requires_grad for a in args)
        if kind in self._seen or not flows or kind.__module__.partition(".")[0] == "torch":
            return
        self._seen[kind] = (apply, tuple(_kept(a) for a in args))
        span = call_span(self.modules.tree.caller(frame))
        self.modules.note_site("custom_function", kind.__name__, span, kind.__name__)

    def finish(self) -> None:
        """Check each of them."""
        for kind, (apply, args) in self._seen.items():
            self._check(kind, apply, args)

    @harmless
    def _check(self, kind: type, apply: Callable[..., Any], args: tuple) -> None:
        found = gradient_error(apply, args)
        checked = facts.GradientCheck(0.0, -1) if found is None else facts.GradientCheck(found.error, found.input)
        self.send([Fact.of(checked, 0, kind.__name__)])


def _kept(argument: Any) -> Any:
    if not isinstance(argument, Tensor):
        return argument
    return argument.detach().clone().requires_grad_(argument.requires_grad)


@contextmanager
def observing_functions(functions: CustomFunctions) -> Iterator[None]:
    """Report each `Function.apply` for as long as the context lasts."""
    original = torch.autograd.Function.__dict__["apply"]

    def apply(cls: type, *args: Any, **kwargs: Any) -> Any:
        bound = original.__get__(None, cls)
        if not is_compiling():
            functions.applied(cls, bound, args, sys._getframe(1))
        return bound(*args, **kwargs)

    with replaced(torch.autograd.Function, "apply", classmethod(apply)):
        yield
