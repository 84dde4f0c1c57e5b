"""Reads a training loop from its events: what a step is, and what feeds it.

A step is not a backward pass: gradients may be accumulated over several, a closure may run many inside one step,
and two optimizers may take turns. A script without an optimizer steps once per backward pass.
"""

import hashlib
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from descend.probes.wiring import carries_gradient, describe_optimizer, wiring
from descend.record import Fact, Message, Reading
from descend.run.attribution import Attribution, Stepper
from descend.run.examiner import Examiner, Pass
from descend.run.frames import call_span
from descend.run.modules import Modules
from descend.tape import Recording, leaf_parameters

WIRING_STEPS = 6  # a wiring mistake shows in each of the first steps
FLUSH_STEPS = 20  # losses are read off the device this rarely
BY_HAND = "0"  # the key of a script that updates its parameters itself


@dataclass(frozen=True)
class Opened:
    """What is kept from before a backward pass that will be looked at."""

    loss: Tensor
    scale: float
    stepper: Stepper
    leaves: tuple[Tensor, ...]
    earlier: tuple[Tensor | None, ...]  # the gradients that were there before
    recording: Recording | None


class Observer:
    """The bookkeeping of one run; `hooks` calls it on each event."""

    def __init__(
        self, examiner: Examiner, modules: Modules, send: Callable[[list[Message]], None], probing: bool
    ) -> None:
        self.examiner, self.modules, self.send, self.probing = examiner, modules, send, probing
        self.after_step: Callable[[int], None] = lambda steps: None
        self.began: float | None = None  # when the first backward pass began
        self.steppers: dict[str, Stepper] = {}
        self.attribution = Attribution(self.steppers)
        self._keys: weakref.WeakKeyDictionary[Optimizer, str] = weakref.WeakKeyDictionary()
        self._scaled: tuple[Tensor, Tensor] | None = None
        self._losses: list[tuple[str, int, Tensor]] = []
        self._stepping: Stepper | None = None

    @property
    def steps(self) -> int:
        """Steps of the optimizer that has stepped most."""
        return max((s.steps for s in self.steppers.values()), default=0)

    @property
    def has_optimizer(self) -> bool:
        """Whether the script has made any optimizer."""
        return bool(self._keys)

    # -- makers

    def optimizer_made(self, optimizer: Optimizer, frame: FrameType | None) -> None:
        """Give an optimizer its key and note where it was made."""
        stepper = self._stepper(optimizer)
        span = call_span(self.modules.tree.caller(frame))
        self.modules.note_site("optimizer", stepper.key, span, type(optimizer).__name__)
        self._tape_next_step()

    def loss_scaled(self, scaled: Tensor, loss: Tensor) -> None:
        """Remember what a GradScaler has scaled."""
        self._scaled = (scaled, loss)

    def batch_begins(self) -> None:
        """A loader is about to be asked for a batch: its own work is no part of the loss."""
        if self.examiner.tape is not None:
            self.examiner.tape.restart()
            self.examiner.tape.pause()

    def batch_ended(self) -> None:
        """The batch is there."""
        if self.examiner.tape is not None:
            self.examiner.tape.resume()

    # -- backward

    def backward_begins(self, root: Tensor, frame: FrameType | None) -> Opened | None:
        """Look before a backward pass; return what is needed after it, if it is to be looked at."""
        if self.began is None:
            self.began = time.perf_counter()
        loss, scale = self._unscaled(root)
        place = (frame.f_code, frame.f_lasti) if frame is not None else None
        if not self._keys:
            self.steppers.setdefault(BY_HAND, Stepper(BY_HAND, None))
        reaches = self.attribution.backward(loss, root, place)
        if self.steps < WIRING_STEPS:
            self._look_at_wiring(reaches)
            self.modules.note_site("backward", "", call_span(self.modules.tree.caller(frame)))
        stepper = self._stepping or self.steppers.get(self.attribution.owner(place, reaches) or "")
        if stepper is None or not (self.examiner.tape or self._is_due(stepper)):
            self.examiner.stop_tape()
            return None
        leaves = tuple(p for p in leaf_parameters(root) if stepper.optimizer is None or id(p) in stepper.held)
        earlier = tuple(None if p.grad is None else p.grad.detach().clone() for p in leaves)
        recording = self.examiner.seal(loss, stepper.steps)
        return Opened(loss, scale, stepper, leaves, earlier, recording)

    def backward_ended(self, opened: Opened | None, returned: Mapping[int, Tensor] | None = None) -> None:
        """Look after a backward pass: check the tape, take the probes that are due.

        `returned` holds the gradients by parameter id where they were returned and not accumulated.
        """
        if opened is not None and opened.leaves:
            self._examine(opened, returned)
        if not self._keys:
            self._step_by_hand()

    def _examine(self, opened: Opened, returned: Mapping[int, Tensor] | None) -> None:
        if returned is None:
            pairs = zip(opened.leaves, opened.earlier)
            gradients = tuple(fresh_gradient(p, before, opened.scale) for p, before in pairs)
        else:
            gradients = tuple(returned.get(id(p)) for p in opened.leaves)
        stepper = opened.stepper
        passed = Pass(
            stepper.steps,
            stepper.key,
            stepper.optimizer,
            opened.leaves,
            gradients,
            opened.loss.detach(),
            stepper.passes if stepper.steps else 1,
        )
        recording = opened.recording
        if recording is not None:
            began = time.perf_counter()
            recording = recording if self.examiner.is_faithful(recording, passed) else None
            self.examiner.budget.charge("tape", time.perf_counter() - began)
        if recording is not None:
            self.examiner.keep(recording)
        if self._is_due(stepper) or recording is not None:
            self.examiner.examine(passed, recording)

    def _is_due(self, stepper: Stepper) -> bool:
        return self.examiner.is_due(stepper.steps)

    def _unscaled(self, root: Tensor) -> tuple[Tensor, float]:
        scaled, self._scaled = self._scaled, None
        if scaled is None or scaled[0] is not root:
            return root, 1.0
        value = float(scaled[1].detach())
        return scaled[1], float(root.detach()) / value if value else 1.0

    def _look_at_wiring(self, reaches: frozenset[str]) -> None:
        for stepper in (self.steppers[key] for key in reaches):
            if stepper.optimizer is not None and not carries_gradient(stepper.optimizer):
                stepper.cleared = True

    # -- steps

    def step_begins(self, optimizer: Optimizer, frame: FrameType | None) -> None:
        """Look before an optimizer steps; a closure runs its backward passes inside."""
        self._stepping = stepper = self._stepper(optimizer)
        if stepper.steps < WIRING_STEPS:
            stepper.refresh()
            self.modules.note_site("step", stepper.key, call_span(self.modules.tree.caller(frame)))
        if self.probing and self.examiner.probed == stepper.steps:
            self.examiner.before_step([p for group in optimizer.param_groups for p in group["params"]])

    def step_ended(self, optimizer: Optimizer) -> None:
        """Count a step and attribute the loss that fed it."""
        stepper, self._stepping = self._stepper(optimizer), None
        loss = self.attribution.step(stepper)
        if loss is not None:
            self._losses.append((stepper.key, stepper.steps, loss))
        if stepper.steps < WIRING_STEPS:
            held = frozenset().union(*(s.held for s in self.steppers.values()))
            unheld, idle = self.modules.unheld(held), self.modules.idle_switches()
            self.send(list(wiring(stepper.key, stepper.steps, stepper.cleared, unheld, idle)))
        stepper.cleared = False
        self.send([Reading("learning_rate", stepper.key, stepper.steps, float(optimizer.param_groups[0]["lr"]))])
        stepper.steps += 1
        self.examiner.after_step()
        self._step_is_over()

    def _step_by_hand(self) -> None:
        stepper = self.steppers[BY_HAND]
        loss = self.attribution.step(stepper)
        if loss is not None:
            self._losses.append((BY_HAND, stepper.steps, loss))
        stepper.steps += 1
        self._step_is_over()

    def _step_is_over(self) -> None:
        self._tape_next_step()
        if len(self._losses) >= FLUSH_STEPS or self.steps <= WIRING_STEPS:
            self.flush()
        self.after_step(self.steps)

    def _tape_next_step(self) -> None:
        self.examiner.stop_tape()
        if self.examiner.wants_tape():
            self.examiner.start_tape()

    def flush(self) -> None:
        """Read the waiting losses off the device and send them."""
        waiting, self._losses = self._losses, []
        self.send([Reading("loss", key, step, float(loss)) for key, step, loss in waiting])

    def weights(self) -> str:
        """Return the SHA-256 of the trained parameters' bytes; "" where no optimizer holds any."""
        sha = hashlib.sha256()
        held = [s.optimizer.param_groups for s in self.steppers.values() if s.optimizer is not None]
        for parameter in (p for groups in held for group in groups for p in group["params"]):
            sha.update(parameter.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        return sha.hexdigest() if held else ""

    def _stepper(self, optimizer: Optimizer) -> Stepper:
        key = self._keys.get(optimizer)
        if key is None:
            key = self._keys[optimizer] = str(len(self._keys))
            self.steppers[key] = Stepper(key, optimizer)
            self.steppers[key].refresh()
            self.send([Fact("optimizer", key, 0, describe_optimizer(optimizer))])
        return self.steppers[key]


def fresh_gradient(parameter: Tensor, earlier: Tensor | None, scale: float) -> Any:
    """Return the gradient that one backward pass has added, unscaled; None where it added none."""
    if parameter.grad is None:
        return None
    grad = parameter.grad.detach()
    return (grad if earlier is None else grad - earlier) / scale
