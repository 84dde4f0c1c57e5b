"""Observe losses computed without a gradient: scripts compute these when they evaluate, mostly on held-out data."""

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

from descend.doctor.instrumentation.attribute_patching import patched_attribute, wraps_torch_function
from descend.doctor.instrumentation.evaluation_metrics import EvaluationBatch, evaluation_readings, metric_sum
from descend.doctor.instrumentation.frames import Lines
from descend.doctor.instrumentation.internal_errors import EventHandler, never_raises
from descend.doctor.instrumentation.modules import Modules
from descend.doctor.record import Listener, Reading
from descend.doctor.tape.vocabulary import BINARY_LOSSES, CLASS_LOSSES, LOSSES

# A loss on logits and a loss on probabilities count as the same kind of loss.
KINDS = dict.fromkeys(CLASS_LOSSES, "classes") | dict.fromkeys(BINARY_LOSSES, "binary")


class EvaluationLosses(EventHandler):
    """Collects losses that the script computes without gradients, and sends their mean for each evaluation.

    step: returns the number of steps so far.
    measuring: returns whether a probe is running, whose losses do not count.
    with_metric: whether the evaluation metric is computed, too.
    """

    def __init__(
        self,
        modules: Modules,
        send: Listener,
        step: Callable[[], int],
        measuring: Callable[[], bool],
        *,
        with_metric: bool = True,
    ) -> None:
        self.modules, self.send, self.step, self.measuring = modules, send, step, measuring
        self.with_metric = with_metric
        self._losses: list[EvaluationBatch] = []  # losses under no_grad since the last training step
        # source lines of an evaluation -> number of this evaluation, in order of first appearance
        self._evaluating: dict[Lines, int] = {}
        self._at = 0
        self._trained: set[str] = set()  # kinds of loss that the script trains with
        self._kept_at = 0
        # (step, losses) of the last losses on detached outputs that were computed with gradients enabled
        self._detached: tuple[int, list[EvaluationBatch]] = (0, [])
        self._each_step = False  # whether each step has a loss on detached outputs: a training metric

    @never_raises
    def loss_computed(
        self, name: str, loss: Any, batch: tuple[Any, ...], named: Mapping[str, Any], frame: FrameType | None
    ) -> None:
        """Store a loss that has no gradient, because it may belong to an evaluation."""
        if self.measuring() or not isinstance(loss, Tensor):
            return  # One of our own measurements has computed the loss.
        if loss.requires_grad:
            self._trained.add(KINDS.get(name, name))
        elif not torch.is_grad_enabled():
            if self._at != self.step():
                self.flush()
            self._at = self.step()
            self._losses += self._evaluation_batch(name, loss, batch, named, frame)
        elif not self._each_step:  # Gradients are enabled, but the outputs were detached.
            at, losses = self._detached
            if at != self.step():
                self._each_step = at > 0 and self.step() == at + 1
                self._send_evaluation(0 if self._each_step else at, losses)
                losses = []
            found = self._evaluation_batch(name, loss, batch, named, frame)
            self._detached = (self.step(), [*losses, *found]) if found else (at, losses)

    def _evaluation_batch(
        self, name: str, loss: Tensor, batch: tuple[Any, ...], named: Mapping[str, Any], frame: FrameType | None
    ) -> list[EvaluationBatch]:
        """Return a list with this batch of an evaluation; [] if the training minimises another kind of loss."""
        if loss.numel() != 1 or (self._trained and KINDS.get(name, name) not in self._trained):
            return []
        value = loss.detach()
        if named.get("reduction") == "sum" and batch and isinstance(batch[0], Tensor) and batch[0].dim():
            value = value / max(1, len(batch[0]))
        return [
            EvaluationBatch(
                self.modules.tree.lines(frame), value, metric_sum(name, batch, named) if self.with_metric else None
            )
        ]

    @never_raises
    def weights_copied(self) -> None:
        """Record that the script copies the weights, because it may do so to keep the best ones."""
        if not self.measuring() and self.step() > max(0, self._kept_at):
            self._kept_at = self.step()
            self.send([Reading("saved_weights", "", self._kept_at, 1.0)])

    def flush(self) -> None:
        """Send the mean losses of the evaluation that has just ended."""
        losses, self._losses = self._losses, []
        self._send_evaluation(self._at, losses)

    def _send_evaluation(self, at: int, losses: list[EvaluationBatch]) -> None:
        """Send the mean loss for each place in the source, because each place may evaluate other data."""
        evaluations: dict[Lines, list[EvaluationBatch]] = {}
        for batch in losses if at else ():
            evaluations.setdefault(batch.lines, []).append(batch)
        for lines, batches in evaluations.items():
            self.send(list(evaluation_readings(self._evaluating.setdefault(lines, len(self._evaluating)), at, batches)))

    def finish(self) -> None:
        """Send the losses that have not been sent yet, at the end of the run."""
        self.flush()
        if not self._each_step:
            self._send_evaluation(*self._detached)


@contextmanager
def observing_evaluation_losses(losses: EvaluationLosses) -> Iterator[None]:
    """Report each loss and each call of `state_dict` to `losses` inside the `with` block."""
    with ExitStack() as stack:
        for name in sorted(LOSSES):
            stack.enter_context(patched_attribute(F, name, _wrap_loss(name, getattr(F, name), losses)))
        stack.enter_context(patched_attribute(nn.Module, "state_dict", _wrap_state_dict(nn.Module.state_dict, losses)))
        yield


def _wrap_loss(name: str, original: Any, losses: EvaluationLosses) -> Any:
    """Return a wrapper of a loss function that reports each loss that the function returns."""

    @wraps_torch_function(original)
    def loss(*args: Any, **kwargs: Any) -> Any:
        """Compute the loss and report it."""
        value = original(*args, **kwargs)
        if not is_compiling():
            losses.loss_computed(name, value, args, kwargs, sys._getframe(1))
        return value

    return loss


def _wrap_state_dict(original: Any, losses: EvaluationLosses) -> Any:
    """Return a wrapper of `Module.state_dict` that reports each call."""

    @functools.wraps(original)
    def state_dict(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        """Report that the weights are copied, and return the state dict."""
        if not is_compiling():
            losses.weights_copied()
        return original(self, *args, **kwargs)

    return state_dict
