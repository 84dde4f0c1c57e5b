"""Who steps in a run: the script's optimizers, each with what it has done, or the loop itself where there is none.

A stage of a training is over where an optimizer is made that goes on for none of those that have stepped.
"""

from collections.abc import Callable
from types import FrameType

from torch.optim import Optimizer

from descend.doctor.observing.frames import SourceTree
from descend.doctor.observing.manual_updates import BY_HAND
from descend.doctor.observing.optimizer_identity import OptimizerIdentities
from descend.doctor.probes.wiring import describe_optimizer
from descend.doctor.reading.attribution import Stepper, written
from descend.doctor.record import Fact, Listener, facts


class Steppers:
    """The steppers of one run, by their keys.

    owning: whether the run is ours, in which a second stage is not looked at.
    """

    def __init__(self, tree: SourceTree, send: Listener, *, owning: bool) -> None:
        self.by_key: dict[str, Stepper] = {}
        self.has_optimizer = False  # whether the script has made any
        self.is_past = False  # whether another optimizer was made since the examined one last stepped
        self.stage_over: Callable[[], None] = lambda: None  # another one is made than the one that has stepped
        self._tree, self._send, self._owning = tree, send, owning
        self._identities = OptimizerIdentities(self.by_key, owning=owning)
        self._written = 0  # to the parameters, until the last step was over

    @property
    def steps(self) -> int:
        """Steps of the optimizer that has stepped most."""
        return max((stepper.steps for stepper in self.by_key.values()), default=0)

    def find(self, optimizer: Optimizer) -> Stepper | None:
        """Return the stepper of an optimizer; None for one that has not been seen before."""
        return self._identities.find(optimizer)

    def take(self, optimizer: Optimizer, frame: FrameType | None) -> tuple[Stepper, bool]:
        """Return the stepper of an optimizer that has not been seen before, and whether it goes on for no other."""
        self.has_optimizer = True
        after = {s.key: s.steps for s in self.by_key.values()}
        is_changed = written(self.by_key.values()) != self._written  # for the next stage, as by a head begun anew
        stepper, is_new = self._identities.take(optimizer, self._tree.lines(frame))
        if is_new:
            if self.steps:
                self.is_past = self._owning and is_changed
                self.stage_over()
                self.is_past = True
            place = {"after": after, "again": stepper.key in self._identities.again}
            self._send([Fact.of(facts.optimizer_of(describe_optimizer(optimizer) | place), self.steps, stepper.key)])
        return stepper, is_new

    def by_hand(self) -> Stepper:
        """Return the stepper of a script that updates its parameters itself."""
        if BY_HAND not in self.by_key:
            self.by_key[BY_HAND] = Stepper(BY_HAND, lambda: None, by_hand=True)
        return self.by_key[BY_HAND]

    def step_is_over(self) -> None:
        """Remember how often the parameters had been written to when the last step was over."""
        self._written = written(self.by_key.values()) if self._owning else 0
