"""A stretch of quick rounds between two looks: of each step only its loss and its rate are kept.

Reading a step in full costs some tens of microseconds for each of its passes, which a step of one millisecond notices.
So where the last two rounds were alike, the next few are taken to be; whatever is not as in those ends the stretch and
is read in full. Here, where every step passes, plain statements do what calls would.

Of somebody's own run not every loss is needed. Rounds that would cost too much are passed over there: their steps are
counted, and their passes are not looked at.
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

from descend.doctor.reading.attribution import Attribution, Stepper, summed
from descend.doctor.reading.budget import READING_S, Budget
from descend.doctor.reading.curves import Curves
from descend.doctor.reading.rounds import Backward, Round, Rounds, Step, used

SPAN_S = 0.2  # a stretch lasts about so long,
LONGEST = 1024  # and at most so many rounds
ALL = 1000  # steps of a watched run are all read;
SHARE = 0.004  # of the time may go into reading later ones:
MOST_PASSED = 15  # rounds are passed over for it, so many in a row at most,
PASSING = 1 / 4  # each at this share of what reading it would cost


@dataclass(slots=True)
class _Next:
    """What comes next in a round: a pass, called from `call`, or a step."""

    call: Any = None
    optimizer: Optimizer | None = None
    stepper: Stepper | None = None
    ages: tuple[int, ...] = ()
    until: float = 0.0  # the step that is to be read in full


class LightSampling:
    """Reads steps less closely while it is `on`."""

    def __init__(self, curves: Curves, attribution: Attribution, budget: Budget) -> None:
        self.curves, self.attribution, self.budget = curves, attribution, budget
        self.on = False
        self.within = False  # a pass that was taken: set by who makes it
        self.passes_over = 0  # rounds that are still to be passed over
        self.after_step: Callable[[], None] | None = None
        self.stumbled: Callable[[Exception], None] = lambda error: None
        self._rounds = Rounds()
        self._round: Round = ()
        self._ahead: list[_Next] = []
        self._at = 0  # which of them comes next
        self._done = 0  # whole rounds that were read
        self._over = 0  # rounds passed over after each that is read,
        self._passed = 0  # and how many have been
        self._steps: list[_Next] = []  # of a round
        self._losses: list[Tensor | float] = []  # that went backward in this round, without their graphs
        self._thread = 0  # where the training runs
        self._entered: dict[str, tuple[int, float]] = {}  # the last step after which it was asked, and when

    @property
    def is_within(self) -> bool:
        """Whether this is called from within a pass that was taken, and so is a part of it."""
        return self.within and get_ident() == self._thread

    def saw_backward(self, place: Any, call: Any) -> None:
        """Take note of a pass that was read in full."""
        self._rounds.backward(Backward(place, call))

    def saw_step(self, stepper: Stepper, next_look: Callable[[str, int], float]) -> None:
        """Take note of a step that was read in full; begin, where its round is known and need not be looked at."""
        known = self._rounds.step(stepper.key, self.attribution.ages)
        now = time.perf_counter()
        earlier, then = self._entered.get(stepper.key, (stepper.steps, now))
        self._entered[stepper.key] = (stepper.steps, now)
        if known is None or not all(self.attribution.knows(e.place) for e in known if isinstance(e, Backward)):
            return
        keys = {e.key for e in known if isinstance(e, Step)}
        if len(keys) < len(self.attribution.steppers):
            return
        duration = (now - then) / max(1, stepper.steps - earlier)
        most = min(LONGEST, SPAN_S // max(duration, 1e-6))
        until = {key: next_look(key, self.attribution.steppers[key].steps) for key in keys}
        until[stepper.key] = min(until[stepper.key], stepper.steps + most)
        if all(last > self.attribution.steppers[key].steps + 1 for key, last in until.items()):
            self.on, self._round, self._at, self._thread = True, known, 0, get_ident()
            self._done = self._passed = self.passes_over = 0
            self._ahead = [self._next(event, until) for event in known]
            self._steps = [following for following in self._ahead if following.stepper is not None]
            self._over = self._dispensable(duration)

    def _dispensable(self, duration: float) -> int:
        """Return how many rounds to pass over after each that is read, where one takes so many seconds."""
        counted = [following.stepper.steps for following in self._steps if following.stepper is not None]
        if not self.budget.is_wary or self.curves.times is not None or min(counted) < ALL:
            return 0
        dear = READING_S * len(self._ahead) / (SHARE * max(duration, 1e-6))
        return min(MOST_PASSED, ceil(dear) - 1)

    def _next(self, event: Backward | Step, until: dict[str, float]) -> _Next:
        if isinstance(event, Backward):
            return _Next(event.call)
        stepper = self.attribution.steppers[event.key]
        return _Next(None, stepper.optimizer, stepper, event.ages, until[event.key])

    def leave(self) -> None:
        """Hand over the round that is not finished, as if it had been read in full."""
        if not self.on:
            return
        self.budget.read += round((self._done + PASSING * self._passed) * len(self._round))
        if self.passes_over:  # nothing of this round has been read
            self._at = self.passes_over = 0
            self.attribution.missed()
        self.on, losses, fed = False, iter(enumerate(self._losses)), used(self._round)
        for event in self._round[: self._at]:
            if isinstance(event, Step):
                self.attribution.step(self.attribution.steppers[event.key])
                self._rounds.step(event.key, self.attribution.ages)
            else:
                number, loss = next(losses)
                if number in fed:  # of the others the gradients are cleared before any step
                    kept = torch.as_tensor(loss)
                    self.attribution.backward(kept, kept, event.place)  # what it reaches is known from its place
                self._rounds.backward(event)
        self._ahead, self._losses = [], []

    def takes(self, root: Any, frame: FrameType) -> bool:
        """Take a backward pass that `frame` calls for, if it is the one to come; no function mode may be on."""
        if self._ahead[self._at].call != (id(frame.f_code), frame.f_lasti) or get_ident() != self._thread:
            return False
        try:
            loss = root.item() if root.is_cpu else root.detach().reshape(())
        except Exception:  # several roots, or no scalar
            return False
        if type(loss) is float and not isfinite(loss):
            return False
        self._losses.append(loss)
        self._at += 1  # no round ends with a pass
        if self.curves.times is not None:
            self.curves.times.backward()
        return True

    def steps(self, optimizer: Optimizer) -> bool:
        """Take a step, if it is the one to come and within the stretch."""
        try:
            return self._pass_over(optimizer) if self.passes_over else self._step(optimizer)
        except Exception as error:
            self.on, self.passes_over = False, 0
            self.stumbled(error)
            return False

    def _step(self, optimizer: Optimizer) -> bool:
        ahead = self._ahead[self._at]
        stepper = ahead.stepper
        if stepper is None or ahead.optimizer is not optimizer or stepper.steps + 1 >= ahead.until:
            return False
        losses = self._losses
        loss = losses[-1 - ahead.ages[0]] if len(ahead.ages) == 1 else _sum([losses[-1 - age] for age in ahead.ages])
        self.curves.note(stepper.key, stepper.steps, loss, optimizer.param_groups[0].get("lr"), optimizer)
        stepper.steps += 1
        self._at += 1
        if self._at == len(self._ahead):
            self._at = 0
            self._done += 1
            losses.clear()
            self._begin_passing_over()
        if self.after_step is not None:
            self.after_step()
        return True

    def _begin_passing_over(self) -> None:
        """Pass the next rounds over, but for the last ones of the stretch."""
        own = [following.stepper for following in self._steps]
        ends = [s.steps + (self._over + 1) * own.count(s) + 1 for s in own if s is not None]
        room = all(end < following.until for end, following in zip(ends, self._steps))
        self.passes_over = self._over if room else 0

    def _pass_over(self, optimizer: Optimizer) -> bool:
        ahead = self._steps[self._at]
        if ahead.optimizer is not optimizer or ahead.stepper is None:
            return False
        ahead.stepper.steps += 1
        self._at += 1
        if self._at == len(self._steps):
            self._at = 0
            self.passes_over -= 1
            self._passed += 1
        return True


def _sum(losses: list[Tensor | float]) -> Tensor | float:
    with torch._C.DisableTorchFunction():
        tensors = [loss for loss in losses if isinstance(loss, Tensor)]
        return summed(tensors) if len(tensors) == len(losses) else sum(map(float, losses))
