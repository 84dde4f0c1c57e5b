"""Losses that no gradient is taken of: a script computes them where it evaluates, on held-out data above all."""

import functools
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.compiler import is_compiling

from descend.doctor.observing.evaluation import Batch, readings, terms
from descend.doctor.observing.frames import Lines
from descend.doctor.observing.guard import harmless
from descend.doctor.observing.modules import Modules
from descend.doctor.observing.replacing import replaced, standing_for
from descend.doctor.record import Listener, Reading
from descend.doctor.tape.vocabulary import BINARY_LOSSES, CLASS_LOSSES, LOSSES

# The same cost of scores before and after their output activation.
KINDS = dict.fromkeys(CLASS_LOSSES, "classes") | dict.fromkeys(BINARY_LOSSES, "binary")


class EvaluationLosses:
    """Sends what each evaluation comes to; `step` is the optimizer's present one, `measuring` whether we compute.

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
        if loss.numel() != 1 or (self._trained and KINDS.get(name, name) not in self._trained):
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
        """Send what is left."""
        self.flush()
        if not self._each_step:
            self._send_evaluation(*self._detached)


@contextmanager
def observing_evaluation_losses(losses: EvaluationLosses) -> Iterator[None]:
    """Report to `losses` for as long as the context lasts."""
    with ExitStack() as stack:
        for name in sorted(LOSSES):
            stack.enter_context(replaced(F, name, _loss(name, getattr(F, name), losses)))
        stack.enter_context(replaced(nn.Module, "state_dict", _keeping(nn.Module.state_dict, losses)))
        yield


def _loss(name: str, original: Any, losses: EvaluationLosses) -> Any:
    @standing_for(original)
    def loss(*args: Any, **kwargs: Any) -> Any:
        value = original(*args, **kwargs)
        if not is_compiling():
            losses.computed(name, value, args, kwargs, sys._getframe(1))
        return value

    return loss


def _keeping(original: Any, losses: EvaluationLosses) -> Any:
    @functools.wraps(original)
    def state_dict(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        if not is_compiling():
            losses.kept()
        return original(self, *args, **kwargs)

    return state_dict
