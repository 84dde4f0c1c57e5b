"""Recognise an optimizer that is made again for each step or epoch, with the same parameters."""

import functools
import sys
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any, Protocol

from torch import Tensor
from torch.optim import Optimizer

from descend.doctor.instrumentation.early_checks import WIRING_STEPS
from descend.doctor.instrumentation.frames import Lines, constructor_caller
from descend.doctor.instrumentation.steps.attribution import Stepper

OWNED = 16  # At most this many optimizers are kept alive for the weights' fingerprint; a script may make thousands.


@dataclass
class _Construction:
    """The last creation of an optimizer that the script creates repeatedly."""

    stepper: Stepper
    lines: Lines
    steps: int  # number of the optimizer's steps before this creation
    # returns the first parameter itself, because ids of freed parameters are reused
    parameter: Callable[[], Tensor | None]

    def is_continued_by(self, optimizer: Optimizer, lines: Lines) -> bool:
        """Return whether a new optimizer, created at these source lines, replaces this one."""
        is_near = lines == self.lines or self.stepper.steps - self.steps <= WIRING_STEPS
        return is_near and self.parameter() is _first_parameter(optimizer)


class OptimizerIdentities:
    """The script's optimizers, and the `Stepper` that counts the steps of each.

    owns_run: whether optimizers may be kept alive until the end; False in a watched run, whose memory belongs to the
    user.
    """

    def __init__(self, steppers: dict[str, Stepper], *, owns_run: bool) -> None:
        self.steppers, self.owns_run = steppers, owns_run
        # id of an optimizer -> (optimizer, its stepper)
        self._known: dict[int, tuple[weakref.ref[Optimizer], Stepper]] = {}
        self._made: dict[Any, _Construction] = {}
        self._ways: set[Lines] = set()
        self.repeated: set[str] = set()  # keys of optimizers created by the same lines as earlier ones

    def find(self, optimizer: Optimizer) -> Stepper | None:
        """Return the `Stepper` of an optimizer; None if the optimizer is not registered."""
        known = self._known.get(id(optimizer))
        return known[1] if known is not None and known[0]() is optimizer else None

    def register(self, optimizer: Optimizer, lines: Lines) -> tuple[Stepper, bool]:
        """Register a new optimizer; return its `Stepper`, and whether this stepper is new as well.

        A new optimizer replaces the last one that was made in the same line with the same settings and parameters, if
        the same lines called it, as in a loop, or if the last one has taken only a few steps. Two stages of a training
        that share a function are not the same.
        """
        kind = _identity_key(optimizer, lines)
        making = self._made.get(kind)
        goes_on = making is not None and self.steppers.get(making.stepper.key) is making.stepper
        if making is None or not goes_on or not making.is_continued_by(optimizer, lines):
            key = str(len(self.steppers))
            self.steppers[key] = stepper = Stepper(key, lambda: None)
            self.repeated |= {key} if lines in self._ways else set()
            self._ways.add(lines)
            making = self._made[kind] = _Construction(stepper, lines, 0, _weak_getter(_first_parameter(optimizer)))
        is_new = making.stepper.find() is None and not making.stepper.steps
        making.steps, making.lines = making.stepper.steps, lines
        self._store_stepper(optimizer, making.stepper)
        return making.stepper, is_new

    def _store_stepper(self, optimizer: Optimizer, stepper: Stepper) -> None:
        """Store that the steps of `optimizer` are counted by `stepper`."""
        owned = self.owns_run and int(stepper.key) < OWNED
        stepper.find = (lambda: optimizer) if owned else weakref.ref(optimizer)
        stepper.refresh()
        self._known[id(optimizer)] = weakref.ref(optimizer), stepper


def _first_parameter(optimizer: Optimizer) -> Tensor | None:
    """Return the first parameter of an optimizer; None if it has no parameters."""
    return next((p for group in optimizer.param_groups for p in group["params"]), None)


def _weak_getter(parameter: Tensor | None) -> Callable[[], Tensor | None]:
    """Return a function that returns the parameter, or None once the parameter has been freed."""
    return (lambda: None) if parameter is None else weakref.ref(parameter)


def _identity_key(optimizer: Optimizer, lines: Lines) -> Any:
    """Return a dictionary key, which is equal for optimizers of equal class, parameters, settings and source line."""
    held = tuple(id(p) for group in optimizer.param_groups for p in group["params"])
    return type(optimizer), hash(held), repr(sorted(optimizer.defaults.items())), lines[:1]


class OptimizerListener(Protocol):
    """An object whose method `optimizer_made` is called for each new optimizer."""

    def optimizer_made(self, optimizer: Optimizer, frame: FrameType | None) -> None:
        """Handle a new optimizer. `frame` is the frame that calls its constructor."""


def wrap_optimizer_init(original: Any, listener: OptimizerListener) -> Any:
    """Return a wrapper of `Optimizer.__init__` that passes each new optimizer to `listener`."""

    @functools.wraps(original)
    def __init__(self: Optimizer, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        listener.optimizer_made(self, constructor_caller(sys._getframe(1), self))

    return __init__
