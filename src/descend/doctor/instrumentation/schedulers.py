"""Observe learning rate schedulers: where each is made, and how often it is stepped."""

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any

from torch.optim import lr_scheduler

from descend.doctor.instrumentation.attribute_patching import patched_attribute
from descend.doctor.instrumentation.frames import call_span, constructor_caller
from descend.doctor.instrumentation.internal_errors import EventHandler, never_raises
from descend.doctor.instrumentation.modules import Modules
from descend.doctor.record import Fact, Listener, SiteKind, facts


class Schedulers(EventHandler):
    """Counts the steps of each learning rate scheduler.

    step: returns the number of optimizer steps so far. measuring: returns whether a probe is running, whose
    schedulers do not count.
    """

    def __init__(
        self, modules: Modules, send: Listener, step: Callable[[], int], measuring: Callable[[], bool]
    ) -> None:
        self.modules, self.send, self.step, self.measuring = modules, send, step, measuring
        self.stepping = False  # whether a scheduler's `step` is running
        self._known: dict[int, tuple[str, Any, int]] = {}  # id of a scheduler -> (key, scheduler, number of its steps)

    @never_raises
    def scheduler_made(self, scheduler: Any, frame: FrameType | None) -> None:
        """Report where a learning rate scheduler is created."""
        if self.measuring() or id(scheduler) in self._known:
            return  # The constructor of a base class reports the same scheduler.
        key = str(len(self._known))
        self._known[id(scheduler)] = (key, scheduler, 0)
        span = call_span(self.modules.tree.caller(constructor_caller(frame, scheduler)))
        self.modules.report_site(SiteKind.SCHEDULER, key, span, type(scheduler).__name__)

    @never_raises
    def scheduler_stepped(self, scheduler: Any, frame: FrameType | None) -> None:
        """Count a scheduler's step, other than the one that the scheduler's own constructor makes."""
        known = self._known.get(id(scheduler))
        if known is not None and self.step() > 0:
            key, _, times = known
            self._known[id(scheduler)] = (key, scheduler, times + 1)
            self.modules.report_site(SiteKind.SCHEDULER_STEP, key, call_span(self.modules.tree.caller(frame)))

    def finish(self) -> None:
        """Send the number of steps of each learning rate scheduler."""
        for key, scheduler, times in self._known.values():
            self.send([Fact.of(facts.Scheduler(type(scheduler).__name__, times), self.step(), key)])


@contextmanager
def observing_schedulers(schedulers: Schedulers) -> Iterator[None]:
    """Report new schedulers and their steps to `schedulers` inside the `with` block."""
    with ExitStack() as stack:
        for kind in _scheduler_classes():
            for name, make in (("__init__", _wrap_init), ("step", _wrap_step)):
                if name in kind.__dict__:
                    stack.enter_context(patched_attribute(kind, name, make(kind.__dict__[name], schedulers)))
        yield


def _scheduler_classes() -> list[type]:
    """Return torch's scheduler classes that define a constructor or a `step`."""
    kinds = [kind for kind in vars(lr_scheduler).values() if isinstance(kind, type)]
    return [k for k in kinds if issubclass(k, lr_scheduler.LRScheduler) and {"__init__", "step"} & k.__dict__.keys()]


def _wrap_init(original: Any, schedulers: Schedulers) -> Any:
    """Return a wrapper of a scheduler's constructor that reports the new scheduler."""

    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        schedulers.scheduler_made(self, sys._getframe(1))
        original(self, *args, **kwargs)

    return __init__


def _wrap_step(original: Any, schedulers: Schedulers) -> Any:
    """Return a wrapper of a scheduler's `step` that reports each step."""

    @functools.wraps(original)
    def step(self: Any, *args: Any, **kwargs: Any) -> None:
        """Report the scheduler's step, and make the step."""
        if schedulers.stepping:
            return original(self, *args, **kwargs)  # A scheduler such as SequentialLR steps other schedulers.
        schedulers.stepping = True
        try:
            schedulers.scheduler_stepped(self, sys._getframe(1))
            return original(self, *args, **kwargs)
        finally:
            schedulers.stepping = False

    return step
