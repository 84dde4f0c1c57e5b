"""A stretch of quick steps between two looks: each is fed by one backward pass, and only its loss and rate are kept.

Reading a step in full costs some twenty microseconds, which a step of one millisecond notices. So where the last
step was a plain one, the next few are taken to be; whatever is not plain ends the stretch and is read in full.
"""

import math
import time
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from descend.run.attribution import Attribution, Stepper
from descend.run.curves import Curves

SPAN_S = 0.2  # a stretch lasts about so long,
LONGEST = 64  # and at most so many steps


class Cruise:
    """Reads steps less closely while it is `on`."""

    def __init__(self, curves: Curves, attribution: Attribution) -> None:
        self.curves, self.attribution = curves, attribution
        self.on = False
        self._optimizer: Optimizer | None = None
        self._stepper: Stepper | None = None
        self._until = 0.0  # the step that is to be read in full
        self._loss: Tensor | None = None  # what went backward since the last step
        self._entered = (0, 0.0)  # the last step after which it was asked, and when

    def enter(self, optimizer: Optimizer, stepper: Stepper, next_look: float) -> None:
        """Begin after a plain step, where steps are quick and the next ones are not to be looked at."""
        step, now = stepper.steps, time.perf_counter()
        (earlier, then), self._entered = self._entered, (step, now)
        duration = (now - then) / max(1, step - earlier)
        self._until = min(step + min(LONGEST, SPAN_S // max(duration, 1e-6)), next_look)
        if self._until > step + 1:
            self.on, self._optimizer, self._stepper = True, optimizer, stepper

    def leave(self) -> None:
        """Hand over what is not finished."""
        if self.on and self._loss is not None:
            self.attribution.backward(self._loss, self._loss, None)  # with one optimizer it is known what it reaches
        self.on, self._optimizer, self._stepper, self._loss = False, None, None, None

    def takes(self, root: Any) -> bool:
        """Take a backward pass, if it is the first one since the step."""
        if self._loss is not None or not isinstance(root, Tensor):
            return False
        with torch._C.DisableTorchFunction():  # a function mode of the script's own must not see what we ask
            if root.numel() != 1 or root.is_cpu and not math.isfinite(root.item()):
                return False
            self._loss = root.detach()
        self.curves.backward()
        return True

    def steps(self, optimizer: Optimizer) -> int:
        """Take a step, if it is a plain one within the stretch; return how many it has been by now, or 0."""
        stepper, loss = self._stepper, self._loss
        if loss is None or stepper is None or optimizer is not self._optimizer or stepper.steps + 1 >= self._until:
            return 0
        self._loss = None
        self.curves.note(stepper.key, stepper.steps, loss, optimizer.param_groups[0].get("lr"))
        stepper.steps += 1
        return stepper.steps
