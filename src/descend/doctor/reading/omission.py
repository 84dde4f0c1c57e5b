"""Steps by hand of which only one in several is read: the others are counted.

A stretch, as `LightSampling` has it, ends its rounds with an optimizer's step. Here each pass is a step of its own, and
reading one in full costs more, since the parameters may be other tensors each time.
"""

import time
from collections.abc import Callable
from math import ceil
from threading import get_ident
from types import FrameType
from typing import Any

from descend.doctor.reading.attribution import Stepper
from descend.doctor.reading.budget import Budget
from descend.doctor.reading.curves import Curves
from descend.doctor.reading.light_sampling import ALL, MOST_PASSED, SHARE
from descend.doctor.reading.rounds import spot

BY_HAND_S = 2e-4  # what reading one costs: measured of `torch.func.grad` with six parameters


class Omission:
    """Tells which of the coming passes are not read; of somebody's own run alone."""

    def __init__(self, budget: Budget, curves: Curves) -> None:
        self.budget, self.curves = budget, curves
        self._left = 0
        self._call: Any = None  # where the last pass that was to be read was called from, and in which thread
        self._stepper: Stepper | None = None
        self._read = (0, 0.0)  # the last step that was read, and when

    def read(self, stepper: Stepper, next_look: Callable[[str, int], float]) -> None:
        """Take note of a step that was read in full."""
        (earlier, then), now = self._read, time.perf_counter()
        self._read, self._left = (stepper.steps, now), 0
        if not self.budget.is_wary or self.curves.times is not None or min(earlier, stepper.steps - 1) < ALL:
            return
        duration = (now - then) / (stepper.steps - earlier)
        dispensable = min(MOST_PASSED, ceil(BY_HAND_S / (SHARE * max(duration, 1e-6))) - 1)
        if next_look(stepper.key, stepper.steps) > stepper.steps + dispensable:
            self._left, self._stepper = dispensable, stepper

    def takes(self, frame: FrameType | None) -> bool:
        """Count a step whose pass `frame` calls for, if it is not to be read."""
        call = frame and (*spot(frame), get_ident())
        if not self._left or self._stepper is None or call != self._call:
            self._left, self._call = 0, call
            return False
        self._left -= 1
        self._stepper.steps += 1
        return True
