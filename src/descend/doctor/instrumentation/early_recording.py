"""Record one of a watched run's first steps, because the checks of the wiring do not wait for the time budget.

If steps are short, the wiring is checked at once. The checks of a long step would delay the training, so they are made
at the end of the run.
"""

from dataclasses import replace

import torch

from descend.core.bound import Bound
from descend.doctor.instrumentation.steps.backward_passes import BackwardPass
from descend.doctor.instrumentation.steps.budget import UNTRIED_S, UNTRIED_STEPS, Budget
from descend.doctor.measure.replay import run_with_graph
from descend.doctor.measure.snapshot import Unavailable
from descend.doctor.tape import Recording, leaf_parameters

# The first step is not recorded, since the tape would also keep all data that the script prepares before its loop.
EARLY_STEPS = range(1, 4)
SHARE_AT_END = Bound(
    0.25,
    "largest share of a watched run's time that the checks at its end may add",
    "convention: measurements of a trial run may use the same share; with checks as long as four steps, a run of 16 "
    "steps is long enough",
)


class EarlyRecording:
    """The recording of an early step of a watched run, whose checks may wait for the end of the run."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._is_over = not budget.is_watched_run
        self.delayed: tuple[BackwardPass, Recording] | None = None  # the recorded step whose checks have not been made
        self._is_interrupted = False

    def is_due(self, step: int) -> bool:
        """Return whether this step has to be recorded, whatever is left of the time budget.

        No step is recorded while the script uses torch's profiler, which would count the operations of the checks.
        """
        return not self._is_over and step in EARLY_STEPS and not torch.autograd._profiler_enabled()

    def end(self) -> None:
        """Record no more early steps, and forget the one whose checks have not been made."""
        self._is_over, self.delayed = True, None

    def delays_checks(self, step: int, seconds: float) -> bool:
        """Return whether checks of this step would delay the training; `seconds` is the time of its pass."""
        return self.is_due(step) and self._budget.is_timed and UNTRIED_STEPS * seconds > UNTRIED_S

    def release(self, *, are_batches_fixed: bool) -> None:
        """Free the memory of the kept step if the fixed batches are complete: the checks then use these instead."""
        self.delayed = None if are_batches_fixed else self.delayed

    def keep(self, passed: BackwardPass, recording: Recording) -> None:
        """Keep a recorded step for the end of the run."""
        # The gradients are left out, so that no copy of them is kept until the end of the run.
        self.delayed = replace(passed, gradients=()), recording

    def interrupt(self) -> None:
        """Make no checks at the end of the run, since Ctrl-C must not wait for them."""
        self._is_interrupted = True

    def step_to_check(self, verified: BackwardPass | None) -> tuple[BackwardPass, Recording | None] | None:
        """Return the step to check at the end of a watched run, or None if the run was too short for that.

        verified: a step whose fixed batches can be replayed; None without them. Then an early step is returned.
        """
        is_short = self._budget.steps * SHARE_AT_END < UNTRIED_STEPS
        if self._is_interrupted or is_short or not self._budget.is_watched_run:
            return None
        if verified is not None:
            return verified, None
        return self.delayed if self.delayed and _has_same_leaves(*self.delayed) else None


def _has_same_leaves(passed: BackwardPass, recording: Recording) -> bool:
    """Return whether the replayed loss reaches each parameter that the script's backward pass has reached.

    At the end of a run, the weights have changed, so the replayed loss cannot be compared with the script's.
    """
    try:
        loss, theta = run_with_graph(recording, lambda op, args, kwargs, result: None)
    except Unavailable:
        return False
    reached = set(map(id, leaf_parameters(loss)))
    known = {id(recording.parameters[slot]) for slot, tensor in theta.items() if id(tensor) in reached}
    return known.issuperset(map(id, passed.parameters))
