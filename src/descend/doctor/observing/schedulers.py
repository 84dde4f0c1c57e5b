"""The schedulers of learning rates: where each is made, and how often it is stepped."""

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any

from torch.optim import lr_scheduler

from descend.doctor.observing.frames import call_span, constructor_caller
from descend.doctor.observing.guard import harmless
from descend.doctor.observing.modules import Modules
from descend.doctor.observing.replacing import replaced
from descend.doctor.record import Fact, Listener, facts


class Schedulers:
    """Keeps count of what schedulers do; `step` is the optimizer's present one."""

    def __init__(self, modules: Modules, send: Listener, step: Callable[[], int]) -> None:
        self.modules, self.send, self.step = modules, send, step
        self.inert = False
        self.stepping = False  # while a scheduler steps
        self._known: dict[int, tuple[str, Any, int]] = {}  # id -> its key, itself, times it was stepped

    def stumbled(self, error: Exception) -> None:
        """A mistake here costs a measurement and nothing else."""

    @harmless
    def made(self, scheduler: Any, frame: FrameType | None) -> None:
        """Note where a scheduler is made."""
        if id(scheduler) in self._known:
            return  # a class's constructor has called its base's
        key = str(len(self._known))
        self._known[id(scheduler)] = (key, scheduler, 0)
        span = call_span(self.modules.tree.caller(constructor_caller(frame, scheduler)))
        self.modules.note_site("scheduler", key, span, type(scheduler).__name__)

    @harmless
    def steps(self, scheduler: Any, frame: FrameType | None) -> None:
        """Count a scheduler's step; the one that its constructor makes is none of the script's."""
        known = self._known.get(id(scheduler))
        if known is not None and self.step() > 0:
            key, _, times = known
            self._known[id(scheduler)] = (key, scheduler, times + 1)
            self.modules.note_site("scheduler_step", key, call_span(self.modules.tree.caller(frame)))

    def finish(self) -> None:
        """Send how often each scheduler was stepped."""
        for key, scheduler, times in self._known.values():
            self.send([Fact.of(facts.Scheduler(type(scheduler).__name__, times), self.step(), key)])


@contextmanager
def observing_schedulers(schedulers: Schedulers) -> Iterator[None]:
    """Report to `schedulers` for as long as the context lasts."""
    with ExitStack() as stack:
        for kind in _kinds():
            for name, make in (("__init__", _made), ("step", _stepped)):
                if name in kind.__dict__:
                    stack.enter_context(replaced(kind, name, make(kind.__dict__[name], schedulers)))
        yield


def _kinds() -> list[type]:
    """Return torch's classes of schedulers, each with a constructor or a step of its own."""
    kinds = [kind for kind in vars(lr_scheduler).values() if isinstance(kind, type)]
    return [k for k in kinds if issubclass(k, lr_scheduler.LRScheduler) and {"__init__", "step"} & k.__dict__.keys()]


def _made(original: Any, schedulers: Schedulers) -> Any:
    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        schedulers.made(self, sys._getframe(1))
        original(self, *args, **kwargs)

    return __init__


def _stepped(original: Any, schedulers: Schedulers) -> Any:
    @functools.wraps(original)
    def step(self: Any, *args: Any, **kwargs: Any) -> None:
        if schedulers.stepping:
            return original(self, *args, **kwargs)  # a schedule made of others
        schedulers.stepping = True
        try:
            schedulers.steps(self, sys._getframe(1))
            return original(self, *args, **kwargs)
        finally:
            schedulers.stepping = False

    return step
