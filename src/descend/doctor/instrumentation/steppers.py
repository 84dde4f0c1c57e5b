"""The steppers of a run: its optimizers, or the training loop itself if there is no optimizer.

A new stage of the training begins when the script makes an optimizer that replaces none of the earlier ones.
"""

from collections.abc import Callable
from types import FrameType

from torch.optim import Optimizer

from descend.doctor.instrumentation.frames import SourceTree
from descend.doctor.instrumentation.manual_updates import BY_HAND
from descend.doctor.instrumentation.optimizer_identity import OptimizerIdentities
from descend.doctor.instrumentation.steps.attribution import Stepper, count_writes
from descend.doctor.measure.wiring import describe_optimizer
from descend.doctor.record import Fact, Listener, facts


class Steppers:
    """Keeps one `Stepper` (a counter of steps) for each optimizer of a run, or for its manual updates.

    owns_run: whether the run is ours, so that only the first stage is measured.
    """

    def __init__(self, tree: SourceTree, send: Listener, *, owns_run: bool) -> None:
        self.by_key: dict[str, Stepper] = {}
        self.has_optimizer = False  # whether the script has created an optimizer so far
        self.is_past = False  # whether a later stage of the training has begun since the measured optimizer's last step
        # `stage_over` is called when a new stage of the training begins.
        self.stage_over: Callable[[], None] = lambda: None
        self._tree, self._send, self._owning = tree, send, owns_run
        self._identities = OptimizerIdentities(self.by_key, owns_run=owns_run)
        self._written = 0  # number of in-place writes to the parameters up to the end of the last step

    @property
    def steps(self) -> int:
        """Return the number of steps of the optimizer that has stepped most."""
        return max((stepper.steps for stepper in self.by_key.values()), default=0)

    def find(self, optimizer: Optimizer) -> Stepper | None:
        """Return the `Stepper` of an optimizer; None if the optimizer is not registered."""
        return self._identities.find(optimizer)

    def register(self, optimizer: Optimizer, frame: FrameType | None) -> tuple[Stepper, bool]:
        """Register a new optimizer; return its `Stepper`, and whether it does not replace an earlier optimizer."""
        self.has_optimizer = True
        after = {s.key: s.steps for s in self.by_key.values()}
        # The script may have changed parameters for the next stage of the training, such as a new head.
        is_changed = count_writes(self.by_key.values()) != self._written
        stepper, is_new = self._identities.register(optimizer, self._tree.lines(frame))
        if is_new:
            if self.steps:
                self.is_past = self._owning and is_changed
                self.stage_over()
                self.is_past = True
            place = {"after": after, "again": stepper.key in self._identities.repeated}
            self._send([Fact.of(facts.optimizer_of(describe_optimizer(optimizer) | place), self.steps, stepper.key)])
        return stepper, is_new

    def manual_stepper(self) -> Stepper:
        """Return the `Stepper` of a script that updates its parameters without an optimizer."""
        if BY_HAND not in self.by_key:
            self.by_key[BY_HAND] = Stepper(BY_HAND, lambda: None, by_hand=True)
        return self.by_key[BY_HAND]

    def store_write_count(self) -> None:
        """At the end of a step, store the number of in-place writes to the parameters so far."""
        self._written = count_writes(self.by_key.values()) if self._owning else 0
