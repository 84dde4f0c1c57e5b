"""A stretch of quick rounds between two looks: of each step only its loss and its rate are kept.

Reading a step in full costs some twenty microseconds for each of its passes, which a step of one millisecond notices.
So where the last two rounds were alike, the next few are taken to be; whatever is not as in those ends the stretch and
is read in full.
"""

import math
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from descend.run.attribution import Attribution, Stepper, summed
from descend.run.curves import Curves
from descend.run.rounds import Backward, Round, Rounds, Step, used

SPAN_S = 0.2  # a stretch lasts about so long,
LONGEST = 64  # and at most so many rounds


class Cruise:
    """Reads steps less closely while it is `on`."""

    def __init__(self, curves: Curves, attribution: Attribution) -> None:
        self.curves, self.attribution = curves, attribution
        self.on = False
        self._rounds = Rounds()
        self._round: Round = ()
        self._at = 0  # which of its passes and steps comes next
        self._losses: list[Tensor] = []  # that went backward in this round
        self._steppers: dict[str, tuple[Optimizer | None, Stepper]] = {}
        self._until: dict[str, float] = {}  # the step of each optimizer that is to be read in full
        self._entered: dict[str, tuple[int, float]] = {}  # the last step after which it was asked, and when

    def saw_backward(self, place: Any, call: Any) -> None:
        """Take note of a pass that was read in full."""
        self._rounds.backward(Backward(place, call))

    def saw_step(self, stepper: Stepper, next_look: Callable[[str, int], float]) -> None:
        """Take note of a step that was read in full; begin, where its round is known and need not be looked at."""
        known = self._rounds.step(stepper.key, self.attribution.ages)
        now = time.perf_counter()
        earlier, then = self._entered.get(stepper.key, (stepper.steps, now))
        self._entered[stepper.key] = (stepper.steps, now)
        if known is None or not all(self.attribution.knows(e.place) for e in known if not isinstance(e, Step)):
            return
        steppers = {e.key: self.attribution.steppers[e.key] for e in known if isinstance(e, Step)}
        if len(steppers) < len(self.attribution.steppers):
            return
        duration = (now - then) / max(1, stepper.steps - earlier)
        most = min(LONGEST, SPAN_S // max(duration, 1e-6))
        self._until = {key: next_look(key, s.steps) for key, s in steppers.items()}
        self._until[stepper.key] = min(self._until[stepper.key], stepper.steps + most)
        if all(self._until[key] > s.steps + 1 for key, s in steppers.items()):
            self.on, self._round, self._at = True, known, 0
            self._steppers = {key: (s.optimizer, s) for key, s in steppers.items()}

    def leave(self) -> None:
        """Hand over the round that is not finished, as if it had been read in full."""
        if not self.on:
            return
        self.on, losses, fed = False, iter(enumerate(self._losses)), used(self._round)
        for event in self._round[: self._at]:
            if isinstance(event, Step):
                self.attribution.step(self._steppers[event.key][1])
                self._rounds.step(event.key, self.attribution.ages)
            else:
                number, loss = next(losses)
                if number in fed:  # of the others the gradients are cleared before any step
                    self.attribution.backward(loss, loss, event.place)  # what it reaches is known from its place
                self._rounds.backward(event)
        self._losses, self._steppers = [], {}

    def takes(self, root: Any, call: Any) -> bool:
        """Take a backward pass, if it is the one to come."""
        event = self._round[self._at]
        if isinstance(event, Step) or event.call != call or not isinstance(root, Tensor):
            return False
        with torch._C.DisableTorchFunction():  # a function mode of the script's own must not see what we ask
            if root.numel() != 1 or root.is_cpu and not math.isfinite(root.item()):
                return False
            self._losses.append(root.detach())
        self._at += 1  # no round ends with a pass
        self.curves.backward()
        return True

    def steps(self, optimizer: Optimizer) -> int:
        """Take a step, if it is the one to come and within the stretch; return how many it has been by now, or 0."""
        event = self._round[self._at]
        if not isinstance(event, Step):
            return 0
        expected, stepper = self._steppers[event.key]
        if optimizer is not expected or stepper.steps + 1 >= self._until[event.key]:
            return 0
        loss = summed([self._losses[-1 - age] for age in event.ages])
        self.curves.note(stepper.key, stepper.steps, loss, optimizer.param_groups[0].get("lr"))
        stepper.stepped()
        stepper.steps += 1
        self._at += 1
        if self._at == len(self._round):
            self._at = 0
            self._losses.clear()
        return stepper.steps
