"""Custom autograd Functions: each is checked against finite differences once, and the tape sees its calls."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.compiler import is_compiling

from descend.probes.gradient_check import gradient_error
from descend.record import Fact, Message
from descend.run.frames import call_span
from descend.run.guard import harmless
from descend.run.modules import Modules
from descend.run.replacing import replaced
from descend.run.taping import Taping, first_line

MOST_VALUES = 1 << 16  # larger inputs are cut along their first dimension, where the examples lie


class CustomFunctions:
    """Which hand-written Functions the script applies."""

    def __init__(self, modules: Modules, send: Callable[[list[Message]], None], note: Callable[..., None]) -> None:
        self.modules, self.send, self.note = modules, send, note
        self.inert = False
        self._checked: set[type] = set()
        self._checking = False

    def stumbled(self, error: Exception) -> None:
        """Take note of a mistake of ours, or of a Function that cannot run in float64."""
        self.note("gradient_check", first_line(error), 0)

    @harmless
    def applied(self, kind: type, apply: Callable[..., Any], args: tuple, frame: FrameType | None) -> None:
        """Check a Function the first time that a gradient will flow through it."""
        flows = any(isinstance(a, Tensor) and a.requires_grad for a in args)
        if kind in self._checked or self._checking or not flows or kind.__module__.partition(".")[0] == "torch":
            return
        self._checked.add(kind)
        self.modules.note_site(
            "custom_function", kind.__name__, call_span(self.modules.tree.caller(frame)), kind.__name__
        )
        self._checking = True
        try:
            found = gradient_error(apply, args)
        finally:
            self._checking = False
        detail = {"error": 0.0, "input": -1} if found is None else {"error": found.error, "input": found.input}
        self.send([Fact("gradient_check", kind.__name__, 0, detail)])


@contextmanager
def observing_functions(functions: CustomFunctions, taping: Taping) -> Iterator[None]:
    """Report each `Function.apply` for as long as the context lasts."""
    original = torch.autograd.Function.__dict__["apply"]

    def apply(cls: type, *args: Any, **kwargs: Any) -> Any:
        bound = original.__get__(None, cls)
        if is_compiling():
            return bound(*args, **kwargs)
        functions.applied(cls, bound, args, sys._getframe(1))
        return taping.through(cls.__name__, bound, args, kwargs)

    with replaced(torch.autograd.Function, "apply", classmethod(apply)):
        yield
