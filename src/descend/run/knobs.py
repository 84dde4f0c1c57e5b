"""What stands beside the loop and turns its knobs: schedulers, gradient clipping, losses on held-out data."""

import functools
import inspect
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.compiler import is_compiling
from torch.nn.utils import clip_grad
from torch.optim import lr_scheduler

from descend.record import Fact, Message, Reading
from descend.run.frames import call_span, constructor_caller
from descend.run.guard import harmless
from descend.run.modules import Modules
from descend.run.replacing import replaced
from descend.tape.vocabulary import LOSSES

CLIPPERS = ("clip_grad_norm_", "clip_grad_value_")


class Knobs:
    """Keeps count of what schedulers, clipping and evaluations do; `step` is the optimizer's present one."""

    def __init__(
        self,
        modules: Modules,
        send: Callable[[list[Message]], None],
        step: Callable[[], int],
        measuring: Callable[[], bool],
    ) -> None:
        self.modules, self.send, self.step, self.measuring = modules, send, step, measuring
        self.inert = False
        self.stepping = False  # while a scheduler steps
        self._schedulers: dict[int, tuple[str, Any, int]] = {}  # id -> its key, itself, times it was stepped
        self._losses: list[Tensor] = []  # computed without gradients since the last training step
        self._at = 0
        self._detached: tuple[int, list[Tensor]] = (0, [])  # the same of detached predictions, with gradients on
        self._each_step = False  # whether those come with each step: a metric of the training, and no evaluation

    def stumbled(self, error: Exception) -> None:
        """A mistake here costs a measurement and nothing else."""

    @harmless
    def scheduler_made(self, scheduler: Any, frame: FrameType | None) -> None:
        """Note where a scheduler is made."""
        if id(scheduler) in self._schedulers:
            return  # a class's constructor has called its base's
        key = str(len(self._schedulers))
        self._schedulers[id(scheduler)] = (key, scheduler, 0)
        span = call_span(self.modules.tree.caller(constructor_caller(frame, scheduler)))
        self.modules.note_site("scheduler", key, span, type(scheduler).__name__)

    @harmless
    def scheduler_steps(self, scheduler: Any, frame: FrameType | None) -> None:
        """Count a scheduler's step; the one that its constructor makes is none of the script's."""
        known = self._schedulers.get(id(scheduler))
        if known is not None and self.step() > 0:
            key, _, times = known
            self._schedulers[id(scheduler)] = (key, scheduler, times + 1)
            self.modules.note_site("scheduler_step", key, call_span(self.modules.tree.caller(frame)))

    @harmless
    def clipped(self, name: str, limit: Any, norm: Any, frame: FrameType | None) -> None:
        """Keep the norm that was cut to `limit`."""
        if not self.modules.has("clip", "0"):
            self.modules.note_site("clip", "0", call_span(self.modules.tree.caller(frame)), name)
            self.send([Fact("clip", "", self.step(), {"function": name, "limit": float(limit)})])
        if isinstance(norm, Tensor) and norm.is_cpu:
            self.send([Reading("clipped_norm", "", self.step(), float(norm))])

    @harmless
    def evaluated(self, loss: Any) -> None:
        """Keep a loss that was computed without gradients."""
        if self.measuring():
            return  # a replay of ours
        if self._at != self.step():
            self.flush()
        self._at = self.step()
        if isinstance(loss, Tensor) and loss.numel() == 1 and loss.is_cpu:
            self._losses.append(loss.detach())

    @harmless
    def detached(self, loss: Any) -> None:
        """Keep a loss of predictions that need no gradient; it may be an evaluation's."""
        at, losses = self._detached
        if self._each_step or self.measuring() or not isinstance(loss, Tensor) or loss.requires_grad:
            return
        if at != self.step():
            self._each_step = at > 0 and self.step() == at + 1
            self._send_evaluation(0 if self._each_step else at, losses)
            losses = []
        if loss.numel() == 1 and loss.is_cpu:
            self._detached = (self.step(), [*losses, loss.detach()])

    def flush(self) -> None:
        """Send the mean of the evaluation that is over."""
        losses, self._losses = self._losses, []
        self._send_evaluation(self._at, losses)

    def _send_evaluation(self, at: int, losses: list[Tensor]) -> None:
        finite = [value for loss in losses if math.isfinite(value := loss.item())]
        if finite and at:
            self.send([Reading("evaluation_loss", "", at, sum(finite) / len(finite))])

    def finish(self) -> None:
        """Send what is left, and how often each scheduler was stepped."""
        self.flush()
        if not self._each_step:
            self._send_evaluation(*self._detached)
        for key, scheduler, times in self._schedulers.values():
            self.send([Fact("scheduler", key, self.step(), {"class": type(scheduler).__name__, "steps": times})])


@contextmanager
def observing_knobs(knobs: Knobs) -> Iterator[None]:
    """Report to `knobs` for as long as the context lasts."""
    with ExitStack() as stack:
        for kind in _schedulers():
            for name, make in (("__init__", _made), ("step", _stepped)):
                if name in kind.__dict__:
                    stack.enter_context(replaced(kind, name, make(kind.__dict__[name], knobs)))
        for name in CLIPPERS:
            new = _clipping(name, getattr(clip_grad, name), knobs)
            stack.enter_context(replaced(clip_grad, name, new))
            stack.enter_context(replaced(torch.nn.utils, name, new))
        for name in sorted(LOSSES):
            stack.enter_context(replaced(F, name, _loss(getattr(F, name), knobs)))
        yield


def _schedulers() -> list[type]:
    """Return torch's classes of schedulers, each with a constructor or a step of its own."""
    kinds = [kind for kind in vars(lr_scheduler).values() if isinstance(kind, type)]
    return [k for k in kinds if issubclass(k, lr_scheduler.LRScheduler) and {"__init__", "step"} & k.__dict__.keys()]


def _made(original: Any, knobs: Knobs) -> Any:
    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        knobs.scheduler_made(self, sys._getframe(1))
        original(self, *args, **kwargs)

    return __init__


def _stepped(original: Any, knobs: Knobs) -> Any:
    @functools.wraps(original)
    def step(self: Any, *args: Any, **kwargs: Any) -> None:
        if knobs.stepping:
            return original(self, *args, **kwargs)  # a schedule made of others
        knobs.stepping = True
        try:
            knobs.scheduler_steps(self, sys._getframe(1))
            return original(self, *args, **kwargs)
        finally:
            knobs.stepping = False

    return step


def _clipping(name: str, original: Any, knobs: Knobs) -> Any:
    signature = inspect.signature(original)
    limit = list(signature.parameters)[1]  # max_norm, clip_value

    @functools.wraps(original)
    def clip(*args: Any, **kwargs: Any) -> Any:
        norm = original(*args, **kwargs)
        if not is_compiling():
            knobs.clipped(name, signature.bind(*args, **kwargs).arguments[limit], norm, sys._getframe(1))
        return norm

    return clip


def _loss(original: Any, knobs: Knobs) -> Any:
    @functools.wraps(original)
    def loss(*args: Any, **kwargs: Any) -> Any:
        value = original(*args, **kwargs)
        if not is_compiling():
            knobs.evaluated(value) if not torch.is_grad_enabled() else knobs.detached(value)
        return value

    return loss
