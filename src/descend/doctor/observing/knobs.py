"""What stands beside the loop and turns its knobs: schedulers, gradient clipping, losses on held-out data."""

import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.compiler import is_compiling
from torch.nn.utils import clip_grad
from torch.optim import lr_scheduler

from descend.doctor.observing.evaluation import Batch, readings, terms
from descend.doctor.observing.frames import Lines, call_span, constructor_caller
from descend.doctor.observing.guard import harmless
from descend.doctor.observing.modules import Modules
from descend.doctor.observing.replacing import replaced, standing_for
from descend.doctor.record import Fact, Listener, Reading, facts
from descend.doctor.tape.vocabulary import BINARY_LOSSES, CLASS_LOSSES, LOSSES

# The same cost of scores before and after their output activation.
KINDS = dict.fromkeys(CLASS_LOSSES, "classes") | dict.fromkeys(BINARY_LOSSES, "binary")
CLIPPERS = ("clip_grad_norm_", "clip_grad_value_")


class Knobs:
    """Keeps count of what schedulers, clipping and evaluations do; `step` is the optimizer's present one.

    `judging` whether evaluations are told in the terms of the task, too.
    """

    def __init__(
        self,
        modules: Modules,
        send: Listener,
        step: Callable[[], int],
        measuring: Callable[[], bool],
        *,
        judging: bool = True,
    ) -> None:
        self.modules, self.send, self.step, self.measuring = modules, send, step, measuring
        self.judging = judging
        self.inert = False
        self.stepping = False  # while a scheduler steps
        self._schedulers: dict[int, tuple[str, Any, int]] = {}  # id -> its key, itself, times it was stepped
        self._losses: list[Batch] = []  # computed without gradients since the last training step
        self._evaluating: dict[Lines, int] = {}  # in order of appearance
        self._at = 0
        self._trained: set[str] = set()  # kinds of loss that a gradient is taken of
        self._kept_at = 0
        self._detached: tuple[int, list[Batch]] = (0, [])  # the same of detached predictions, with gradients on
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
            self.send([Fact.of(facts.Clip(name, float(limit)), self.step())])
        if isinstance(norm, Tensor) and norm.is_cpu:
            self.send([Reading("clipped_norm", "", self.step(), float(norm))])

    @harmless
    def computed(
        self, name: str, loss: Any, batch: tuple[Any, ...], named: Mapping[str, Any], frame: FrameType | None
    ) -> None:
        """Keep a loss that no gradient is taken of: it may be an evaluation's."""
        if self.measuring() or not isinstance(loss, Tensor):
            return  # a replay of ours
        if loss.requires_grad:
            self._trained.add(KINDS.get(name, name))
        elif not torch.is_grad_enabled():
            if self._at != self.step():
                self.flush()
            self._at = self.step()
            self._losses += self._evaluated(name, loss, batch, named, frame)
        elif not self._each_step:  # predictions that were detached before
            at, losses = self._detached
            if at != self.step():
                self._each_step = at > 0 and self.step() == at + 1
                self._send_evaluation(0 if self._each_step else at, losses)
                losses = []
            found = self._evaluated(name, loss, batch, named, frame)
            self._detached = (self.step(), [*losses, *found]) if found else (at, losses)

    def _evaluated(
        self, name: str, loss: Tensor, batch: tuple[Any, ...], named: Mapping[str, Any], frame: FrameType | None
    ) -> list[Batch]:
        """Return the loss for each example with its lines; nothing where the training minimises another one."""
        if loss.numel() != 1 or not loss.is_cpu or (self._trained and KINDS.get(name, name) not in self._trained):
            return []
        value = loss.detach()
        if named.get("reduction") == "sum" and batch and isinstance(batch[0], Tensor) and batch[0].dim():
            value = value / max(1, len(batch[0]))
        return [Batch(self.modules.tree.lines(frame), value, terms(name, batch, named) if self.judging else None)]

    @harmless
    def kept(self) -> None:
        """Note that the weights are copied: the script may keep its best ones."""
        if not self.measuring() and self.step() > max(0, self._kept_at):
            self._kept_at = self.step()
            self.send([Reading("weights_kept", "", self._kept_at, 1.0)])

    def flush(self) -> None:
        """Send what the evaluation that is over came to."""
        losses, self._losses = self._losses, []
        self._send_evaluation(self._at, losses)

    def _send_evaluation(self, at: int, losses: list[Batch]) -> None:
        """Send the means over an evaluation: training data may be evaluated in other lines than held-out ones."""
        evaluations: dict[Lines, list[Batch]] = {}
        for batch in losses if at else ():
            evaluations.setdefault(batch.lines, []).append(batch)
        for lines, batches in evaluations.items():
            self.send(list(readings(self._evaluating.setdefault(lines, len(self._evaluating)), at, batches)))

    def finish(self) -> None:
        """Send what is left, and how often each scheduler was stepped."""
        self.flush()
        if not self._each_step:
            self._send_evaluation(*self._detached)
        for key, scheduler, times in self._schedulers.values():
            self.send([Fact.of(facts.Scheduler(type(scheduler).__name__, times), self.step(), key)])


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
            stack.enter_context(replaced(F, name, _loss(name, getattr(F, name), knobs)))
        stack.enter_context(replaced(nn.Module, "state_dict", _keeping(nn.Module.state_dict, knobs)))
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


def _loss(name: str, original: Any, knobs: Knobs) -> Any:
    @standing_for(original)
    def loss(*args: Any, **kwargs: Any) -> Any:
        value = original(*args, **kwargs)
        if not is_compiling():
            knobs.computed(name, value, args, kwargs, sys._getframe(1))
        return value

    return loss


def _keeping(original: Any, knobs: Knobs) -> Any:
    @functools.wraps(original)
    def state_dict(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        if not is_compiling():
            knobs.kept()
        return original(self, *args, **kwargs)

    return state_dict
