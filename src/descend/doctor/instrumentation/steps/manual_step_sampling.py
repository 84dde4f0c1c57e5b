"""Read only some of the manual steps of a watched run, and count the others.

The rounds of `LightSampling` end with an optimizer's step. Without an optimizer, each backward pass is a step. Reading
it in full costs more, because the parameters may be new tensors each time.
"""

import time
from collections.abc import Callable
from math import ceil
from threading import get_ident
from types import FrameType
from typing import Any

from descend.doctor.instrumentation.steps.attribution import Stepper
from descend.doctor.instrumentation.steps.budget import Budget
from descend.doctor.instrumentation.steps.curves import Curves
from descend.doctor.instrumentation.steps.light_sampling import MOST_SKIPPED, READ_IN_FULL, SHARE
from descend.doctor.instrumentation.steps.rounds import frame_position

BY_HAND_S = 2e-4  # seconds to read one manual update, measured with `torch.func.grad` and six parameters


class ManualStepSampling:
    """Decides which manual updates of a watched run are only counted, because reading each one costs too much."""

    def __init__(self, budget: Budget, curves: Curves) -> None:
        self.budget, self.curves = budget, curves
        self._left = 0
        self._call: Any = None  # (position, thread) of the last backward pass that had to be read
        self._stepper: Stepper | None = None
        self._read = (0, 0.0)  # (number, time) of the last step that was read

    def record_read_step(self, stepper: Stepper, next_examined_step: Callable[[str, int], float]) -> None:
        """Record a manual update that was read in full, and plan how many of the next ones are only counted."""
        (earlier, then), now = self._read, time.perf_counter()
        self._read, self._left = (stepper.steps, now), 0
        if (
            not self.budget.is_watched_run
            or self.curves.times is not None
            or min(earlier, stepper.steps - 1) < READ_IN_FULL
        ):
            return
        duration = (now - then) / (stepper.steps - earlier)
        dispensable = min(MOST_SKIPPED, ceil(BY_HAND_S / (SHARE * max(duration, 1e-6))) - 1)
        if next_examined_step(stepper.key, stepper.steps) > stepper.steps + dispensable:
            self._left, self._stepper = dispensable, stepper

    def count_if_skipped(self, frame: FrameType | None) -> bool:
        """Count the manual update whose backward pass `frame` calls; return False if it has to be read instead."""
        call = frame and (*frame_position(frame), get_ident())
        if not self._left or self._stepper is None or call != self._call:
            self._left, self._call = 0, call
            return False
        self._left -= 1
        self._stepper.steps += 1
        return True
