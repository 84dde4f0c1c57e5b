"""Which optimizers are one: some scripts make theirs anew for each step or epoch, over the same parameters."""

import functools
import sys
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any, Protocol

from torch import Tensor
from torch.optim import Optimizer

from descend.doctor.observing.faults import WIRING_STEPS
from descend.doctor.observing.frames import Lines, constructor_caller
from descend.doctor.reading.attribution import Stepper

OWNED = 16  # optimizers kept alive for the fingerprint of the weights; a script may make thousands


@dataclass
class _Making:
    stepper: Stepper
    lines: Lines
    steps: int  # that it had taken when it was last made
    parameter: Callable[[], Tensor | None]  # the first one: another network may have the ids of one that is gone

    def leads_to(self, optimizer: Optimizer, lines: Lines) -> bool:
        """Whether an optimizer that is made by this way goes on for it."""
        is_near = lines == self.lines or self.stepper.steps - self.steps <= WIRING_STEPS
        return is_near and self.parameter() is _first(optimizer)


class OptimizerIdentities:
    """The script's optimizers, with the stepper of each.

    owning: whether optimizers may be kept alive until the end. A watched script's memory is its own.
    """

    def __init__(self, steppers: dict[str, Stepper], *, owning: bool) -> None:
        self.steppers, self.owning = steppers, owning
        self._known: dict[int, tuple[weakref.ref[Optimizer], Stepper]] = {}  # by id
        self._made: dict[Any, _Making] = {}
        self._ways: set[Lines] = set()
        self.again: set[str] = set()  # those that were come to by the same way as another one before, as in a loop

    def find(self, optimizer: Optimizer) -> Stepper | None:
        """Return the stepper of an optimizer; None for a new one."""
        known = self._known.get(id(optimizer))
        return known[1] if known is not None and known[0]() is optimizer else None

    def take(self, optimizer: Optimizer, lines: Lines) -> tuple[Stepper, bool]:
        """Return the stepper of an optimizer that has not been seen before, and whether it is new itself.

        An optimizer goes on for the last one that was made in the same line, with the same settings for the same
        parameters, where both were come to by the same way through the script, as in a loop, or where that one has
        hardly stepped. Two stages of a training that share a function are two.
        """
        kind = _kind(optimizer, lines)
        making = self._made.get(kind)
        goes_on = making is not None and self.steppers.get(making.stepper.key) is making.stepper
        if making is None or not goes_on or not making.leads_to(optimizer, lines):
            key = str(len(self.steppers))
            self.steppers[key] = stepper = Stepper(key, lambda: None)
            self.again |= {key} if lines in self._ways else set()
            self._ways.add(lines)
            making = self._made[kind] = _Making(stepper, lines, 0, _remembered(_first(optimizer)))
        is_new = making.stepper.find() is None and not making.stepper.steps
        making.steps, making.lines = making.stepper.steps, lines
        self._keep(optimizer, making.stepper)
        return making.stepper, is_new

    def _keep(self, optimizer: Optimizer, stepper: Stepper) -> None:
        owned = self.owning and int(stepper.key) < OWNED
        stepper.find = (lambda: optimizer) if owned else weakref.ref(optimizer)
        stepper.refresh()
        self._known[id(optimizer)] = weakref.ref(optimizer), stepper


def _first(optimizer: Optimizer) -> Tensor | None:
    return next((p for group in optimizer.param_groups for p in group["params"]), None)


def _remembered(parameter: Tensor | None) -> Callable[[], Tensor | None]:
    return (lambda: None) if parameter is None else weakref.ref(parameter)


def _kind(optimizer: Optimizer, lines: Lines) -> Any:
    held = tuple(id(p) for group in optimizer.param_groups for p in group["params"])
    return type(optimizer), hash(held), repr(sorted(optimizer.defaults.items())), lines[:1]


class Told(Protocol):
    """Whoever is told of optimizers."""

    def optimizer_made(self, optimizer: Optimizer, frame: FrameType | None) -> None:
        """Take note of one; `frame` calls its constructor."""


def optimizer_init(original: Any, watcher: Told) -> Any:
    """Return what stands in for `Optimizer.__init__`: it tells `watcher`."""

    @functools.wraps(original)
    def __init__(self: Optimizer, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        watcher.optimizer_made(self, constructor_caller(sys._getframe(1), self))

    return __init__
