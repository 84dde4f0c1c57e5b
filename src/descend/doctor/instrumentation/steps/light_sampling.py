"""Read quick steps lightly: keep only the loss and the learning rate of each step.

Reading a step in full costs tens of microseconds for each of its passes, which slows steps of a millisecond. If the
last two rounds (see `rounds`) were equal, the next ones are assumed to be equal, too. Anything that differs ends the
light sampling and is read in full. The code that runs in every step avoids function calls.

A watched run does not need every loss. If reading costs too much there, whole rounds are skipped: their steps are
counted, and their passes are not read.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, isfinite
from threading import get_ident
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from descend.doctor.instrumentation.steps.attribution import Attribution, Stepper, sum_losses
from descend.doctor.instrumentation.steps.budget import READING_S, Budget
from descend.doctor.instrumentation.steps.curves import Curves
from descend.doctor.instrumentation.steps.rounds import Backward, Round, Rounds, Step, used_passes

SPAN_S = 0.2  # After this many seconds in which only losses are read, a step is read in full.
LONGEST = 1024  # After this many rounds of the loop in which only losses are read, a step is read in full.
READ_IN_FULL = 1000  # In a run that the user watches, the losses of this many first steps are all read.
SHARE = 0.004  # share of a watched run's time that may be spent on reading its later steps
MOST_SKIPPED = 15  # At most this many rounds of the training loop are skipped in a row.
SKIPPING_COST = 1 / 4  # cost of a skipped round of the loop, relative to a round whose losses are read


@dataclass(slots=True)
class _ExpectedEvent:
    """The next expected event of a repeating loop: a backward pass called at `call`, or an optimizer's step."""

    call: Any = None
    optimizer: Optimizer | None = None
    stepper: Stepper | None = None
    ages: tuple[int, ...] = ()
    until: float = 0.0  # number of the next step that has to be read in full


class LightSampling:
    """Reads only the loss and learning rate of each step while `is_on` is true."""

    def __init__(self, curves: Curves, attribution: Attribution, budget: Budget) -> None:
        self.curves, self.attribution, self.budget = curves, attribution, budget
        self.is_on = False
        self.within = False  # whether a backward pass is running of which only the loss is read
        self.rounds_to_skip = 0
        self.after_step: Callable[[], None] | None = None
        self.on_internal_error: Callable[[Exception], None] = lambda error: None
        self._rounds = Rounds()
        self._round: Round = ()
        self._ahead: list[_ExpectedEvent] = []
        self._at = 0  # index of the next expected event in the loop's round
        self._done = 0  # number of rounds of the loop of which only the losses were read
        self._skipped_between = 0  # number of rounds of the loop to skip after each one that is read
        self._skipped = 0  # number of rounds of the loop skipped so far
        self._steps: list[_ExpectedEvent] = []  # the expected steps in one round of the loop
        self._losses: list[Tensor | float] = []  # detached losses of the backward passes in this round of the loop
        self._thread = 0  # id of the thread in which the training runs
        self._entered: dict[str, tuple[int, float]] = {}  # key of an optimizer -> (step, time) last read in full

    @property
    def is_within(self) -> bool:
        """Return whether this call is part of a backward pass of which only the loss is read."""
        return self.within and get_ident() == self._thread

    def add_full_pass(self, place: Any, call: Any) -> None:
        """Record a backward pass that was read in full, so that the loop's repeated round can be found."""
        self._rounds.add_backward(Backward(place, call))

    def add_full_step(self, stepper: Stepper, next_examined_step: Callable[[str, int], float]) -> None:
        """Record a step that was read in full; begin to read only losses if the loop's round is known."""
        known = self._rounds.add_step(stepper.key, self.attribution.ages)
        now = time.perf_counter()
        earlier, then = self._entered.get(stepper.key, (stepper.steps, now))
        self._entered[stepper.key] = (stepper.steps, now)
        if known is None or not all(self.attribution.is_reach_known(e.place) for e in known if isinstance(e, Backward)):
            return
        keys = {e.key for e in known if isinstance(e, Step)}
        if len(keys) < len(self.attribution.steppers):
            return
        duration = (now - then) / max(1, stepper.steps - earlier)
        most = min(LONGEST, SPAN_S // max(duration, 1e-6))
        until = {key: next_examined_step(key, self.attribution.steppers[key].steps) for key in keys}
        until[stepper.key] = min(until[stepper.key], stepper.steps + most)
        if all(last > self.attribution.steppers[key].steps + 1 for key, last in until.items()):
            self.is_on, self._round, self._at, self._thread = True, known, 0, get_ident()
            self._done = self._skipped = self.rounds_to_skip = 0
            self._ahead = [self._expect_event(event, until) for event in known]
            self._steps = [following for following in self._ahead if following.stepper is not None]
            self._skipped_between = self._skippable_rounds(duration)

    def _skippable_rounds(self, duration: float) -> int:
        """Return how many rounds of the loop to skip after each one that is read; one takes `duration` seconds."""
        counted = [following.stepper.steps for following in self._steps if following.stepper is not None]
        if not self.budget.is_watched_run or self.curves.times is not None or min(counted) < READ_IN_FULL:
            return 0
        dear = READING_S * len(self._ahead) / (SHARE * max(duration, 1e-6))
        return min(MOST_SKIPPED, ceil(dear) - 1)

    def _expect_event(self, event: Backward | Step, until: dict[str, float]) -> _ExpectedEvent:
        """Convert an event of the loop's known round to the event that is expected in the next rounds."""
        if isinstance(event, Backward):
            return _ExpectedEvent(event.call)
        stepper = self.attribution.steppers[event.key]
        return _ExpectedEvent(None, stepper.optimizer, stepper, event.ages, until[event.key])

    def stop(self) -> None:
        """Stop reading only losses. Record the events of the loop's unfinished round as if read in full."""
        if not self.is_on:
            return
        self.budget.read += round((self._done + SKIPPING_COST * self._skipped) * len(self._round))
        if self.rounds_to_skip:  # The losses of a skipped round were not read.
            self._at = self.rounds_to_skip = 0
            self.attribution.mark_passes_missed()
        self.is_on, losses, fed = False, iter(enumerate(self._losses)), used_passes(self._round)
        for event in self._round[: self._at]:
            if isinstance(event, Step):
                self.attribution.loss_of_step(self.attribution.steppers[event.key])
                self._rounds.add_step(event.key, self.attribution.ages)
            else:
                number, loss = next(losses)
                if number in fed:  # Gradients of other passes are cleared before a step.
                    kept = _as_tensor(loss)
                    self.attribution.record_backward(kept, kept, event.place)
                self._rounds.add_backward(event)
        self._ahead, self._losses = [], []

    def read_pass(self, root: Any, frame: FrameType) -> bool:
        """Read the loss of the backward pass called from `frame`; return False if it is not the expected one."""
        if self._ahead[self._at].call != (id(frame.f_code), frame.f_lasti) or get_ident() != self._thread:
            return False
        try:
            loss = root.item() if root.is_cpu else root.detach().reshape(())
        except Exception:  # `root` is not a single scalar.
            return False
        if type(loss) is float and not isfinite(loss):
            return False
        self._losses.append(loss)
        self._at += 1  # The index stays inside the round, because a round ends with a step.
        if self.curves.times is not None:
            self.curves.times.backward_begins()
        return True

    def read_step(self, optimizer: Optimizer) -> bool:
        """Record the loss of a step, or only count it in a skipped round; return False if another step was expected."""
        try:
            return self._skip_step(optimizer) if self.rounds_to_skip else self._record_step(optimizer)
        except Exception as error:
            self.is_on, self.rounds_to_skip = False, 0
            self.on_internal_error(error)
            return False

    def _record_step(self, optimizer: Optimizer) -> bool:
        """Record the loss of a step, and count the step; return False if it is not the expected step."""
        ahead = self._ahead[self._at]
        stepper = ahead.stepper
        if stepper is None or ahead.optimizer is not optimizer or stepper.steps + 1 >= ahead.until:
            return False
        losses = self._losses
        loss = (
            losses[-1 - ahead.ages[0]]
            if len(ahead.ages) == 1
            else _sum_of_losses([losses[-1 - age] for age in ahead.ages])
        )
        self.curves.add_step(stepper.key, stepper.steps, loss, optimizer.param_groups[0].get("lr"), optimizer)
        stepper.steps += 1
        self._at += 1
        if self._at == len(self._ahead):
            self._at = 0
            self._done += 1
            losses.clear()
            self._begin_skipping()
        if self.after_step is not None:
            self.after_step()
        return True

    def _begin_skipping(self) -> None:
        """Start to skip the next rounds of the loop, unless a step in them has to be read in full."""
        own = [following.stepper for following in self._steps]
        ends = [s.steps + (self._skipped_between + 1) * own.count(s) + 1 for s in own if s is not None]
        room = all(end < following.until for end, following in zip(ends, self._steps))
        self.rounds_to_skip = self._skipped_between if room else 0

    def _skip_step(self, optimizer: Optimizer) -> bool:
        """Count a step in a skipped round of the loop; return False if it is not the expected step."""
        ahead = self._steps[self._at]
        if ahead.optimizer is not optimizer or ahead.stepper is None:
            return False
        ahead.stepper.steps += 1
        self._at += 1
        if self._at == len(self._steps):
            self._at = 0
            self.rounds_to_skip -= 1
            self._skipped += 1
        return True


def _as_tensor(loss: Tensor | float) -> Tensor:
    """Return a loss as a tensor, in which a number keeps its precision."""
    return loss if isinstance(loss, Tensor) else torch.tensor(loss, dtype=torch.float64)


def _sum_of_losses(losses: list[Tensor | float]) -> Tensor | float:
    """Return the sum of losses, as a tensor if all of them are tensors. It is rounded as the sum of a full reading."""
    with torch._C.DisableTorchFunction():
        tensors = [loss for loss in losses if isinstance(loss, Tensor)]
        if len(tensors) == len(losses):
            return sum_losses(tensors)
        return float(sum_losses([_as_tensor(loss) for loss in losses]))
