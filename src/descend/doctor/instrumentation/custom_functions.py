"""Check each custom `torch.autograd.Function` against finite differences, once, after the training.

A Function may have a state, so running it again during the training could change the training. Checkpoints that are
made by such a Function (`use_reentrant=True`) are checked for an input with a gradient.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.compiler import is_compiling
from torch.utils.checkpoint import CheckpointFunction

from descend.doctor.instrumentation.attribute_patching import patched_attribute
from descend.doctor.instrumentation.frames import call_span
from descend.doctor.instrumentation.internal_errors import EventHandler, never_raises
from descend.doctor.instrumentation.modules import Modules
from descend.doctor.instrumentation.tape_control import first_line
from descend.doctor.measure.gradient_check import gradient_error
from descend.doctor.record import Fact, Listener, SiteKind, facts

SEVERAL = 3  # A checkpoint is reported if so many calls of it receive no input that needs a gradient.


class CustomFunctions(EventHandler):
    """Checks the gradients of custom autograd Functions, with the arguments of the script's first call."""

    def __init__(self, modules: Modules, send: Listener, note: Callable[..., None]) -> None:
        self.modules, self.send, self.note = modules, send, note
        # Function's class -> (its `apply` method, the arguments of its first call)
        self._seen: dict[type, tuple[Callable[..., Any], tuple]] = {}
        self._checkpoints = 0  # number of checkpoints without an input that needs a gradient

    def on_internal_error(self, error: Exception) -> None:
        """Send the error because of which the gradient of a custom Function could not be checked."""
        self.note("gradient_check", first_line(error), 0)

    @never_raises
    def function_applied(self, kind: type, apply: Callable[..., Any], args: tuple, frame: FrameType | None) -> None:
        """Store a copy of the arguments of a custom Function's first call that needs a gradient."""
        flows = any(isinstance(a, Tensor) and a.requires_grad for a in args)
        if kind is CheckpointFunction and not flows and torch.is_grad_enabled():
            self._report_checkpoint(args[0], frame)
        if kind in self._seen or not flows or kind.__module__.partition(".")[0] == "torch":
            return
        self._seen[kind] = (apply, tuple(_copy_argument(a) for a in args))
        span = call_span(self.modules.tree.caller(frame))
        self.modules.report_site(SiteKind.CUSTOM_FUNCTION, kind.__name__, span, kind.__name__)

    def _report_checkpoint(self, function: Any, frame: FrameType | None) -> None:
        """Report a checkpoint that passes no gradient to the parameters inside it, because no input needs one."""
        parameters = [p for p in function.parameters() if p.requires_grad] if isinstance(function, nn.Module) else []
        if isinstance(function, nn.Module) and not parameters:
            return  # The module is frozen.
        self._checkpoints += 1
        if self._checkpoints == SEVERAL:
            span = call_span(self.modules.tree.caller(frame))
            self.modules.report_site(SiteKind.CHECKPOINT, "0", span, "checkpoint")
            self.send([Fact.of(facts.CheckpointWithoutGradient(len(parameters)), 0)])

    def finish(self) -> None:
        """Check the gradient of each custom Function that the script has applied."""
        for kind, (apply, args) in self._seen.items():
            self._check_gradient(kind, apply, args)

    @never_raises
    def _check_gradient(self, kind: type, apply: Callable[..., Any], args: tuple) -> None:
        """Compare the gradient of one custom Function with finite differences, and send their difference."""
        found = gradient_error(apply, args)
        checked = facts.GradientCheck(0.0, -1) if found is None else facts.GradientCheck(found.error, found.input)
        self.send([Fact.of(checked, 0, kind.__name__)])


def _copy_argument(argument: Any) -> Any:
    """Return a detached copy of a tensor argument, and any other argument unchanged."""
    if not isinstance(argument, Tensor):
        return argument
    return argument.detach().clone().requires_grad_(argument.requires_grad)


@contextmanager
def observing_functions(functions: CustomFunctions) -> Iterator[None]:
    """Report each call of a custom autograd Function to `functions` inside the `with` block."""
    original = torch.autograd.Function.__dict__["apply"]

    def apply(cls: type, *args: Any, **kwargs: Any) -> Any:
        """Report the call of a custom autograd Function, and make the call."""
        bound = original.__get__(None, cls)
        if not is_compiling():
            functions.function_applied(cls, bound, args, sys._getframe(1))
        return bound(*args, **kwargs)

    with patched_attribute(torch.autograd.Function, "apply", classmethod(apply)):
        yield
