"""Mistakes that show in the first steps: how gradients, parameters and modes hang together, and damaged data."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FrameType

from torch import Tensor, nn

from descend.doctor.observing.alterations import Alterations
from descend.doctor.observing.idle_loss import IdleLoss
from descend.doctor.observing.modules import Modules
from descend.doctor.observing.nonfinite_origin import not_finite, undefined
from descend.doctor.observing.two_valued import two_valued
from descend.doctor.probes.wiring import carries_gradient, gradients_held, wiring
from descend.doctor.reading.attribution import Stepper
from descend.doctor.record import Fact, Listener, Message, Site

WIRING_STEPS = 6  # a wiring mistake shows in each of the first steps


class Faults:
    """Looks at each of the first steps, and at the first loss that is not finite."""

    def __init__(self, modules: Modules, send: Listener, steppers: Mapping[str, Stepper], *, owning: bool) -> None:
        self.modules, self.send, self.steppers = modules, send, steppers
        self._reached: tuple[str, ...] = ()  # the optimizers that the pass under way reaches
        self._unsure: list[Message] = []  # of steps by hand, as long as they may be a rehearsal
        self.called: Callable[[str], Site | None] = lambda function: None  # where a function was last seen on tape
        self.alterations = Alterations(modules, send, steppers, owning=owning)
        self._owning = owning  # then a value on a device is waited for
        self._idle = IdleLoss(modules, send)
        self._has_labels = not owning  # whether they have been looked at
        self._poisoned = False  # whether the loss has been seen not to be finite

    def is_held(self, parameter: Tensor) -> bool:
        """Whether any optimizer has the parameter."""
        return any(id(parameter) in stepper.held for stepper in self.steppers.values())

    def climbs(self, key: str) -> bool:
        """Whether an optimizer's steps go up the loss: by `maximize=True` or by reversed gradients, not by both."""
        stepper = self.steppers.get(key)
        groups = stepper.optimizer.param_groups if stepper and stepper.optimizer else []
        maximises = any(group.get("maximize") for group in groups)
        return maximises is not self.alterations.are_reversed

    def is_parameter(self, leaf: Tensor) -> bool:
        """Whether a leaf of a graph is one: data may be one, too, where a loss is made of derivatives."""
        return isinstance(leaf, nn.Parameter) or self.is_held(leaf) or all(s.by_hand for s in self.steppers.values())

    def look_at_value(self, root: Tensor, step: int, frame: FrameType | None) -> None:
        """Where the loss is not finite, look once for what makes it so: afterwards the parameters are not, either.

        At the first pass look at what the step's labels are, too.
        """
        if not self._has_labels:
            self._has_labels = True
            self.send(list(two_valued(self.modules.tree.in_script(frame), step)))
        if not self._poisoned and (root.is_cpu or self._owning) and not math.isfinite(root.item()):
            self._poisoned = True
            if (found := not_finite(root)) is not None:
                self.send([Fact.of(found, step)])
            elif (made := undefined(root)) is not None:
                self.modules.note_known("not_finite", "0", self.called(made.function), made.function)
                self.send([Fact.of(made, step)])

    def look_before(self, reaches: Iterable[str], leaves: Iterable[Tensor]) -> None:
        """Before a backward pass: note which of the optimizers that it reaches have clear gradients.

        `leaves` are the parameters of a script that updates them by hand.
        """
        self._reached = tuple(reaches)
        self.alterations.backward_begins()
        for stepper in self._early():
            stepper.cleared |= not carries_gradient(leaves if stepper.by_hand else stepper.parameters())

    def look_after(self) -> None:
        """After the backward pass: note which of those optimizers it has given gradients."""
        for stepper in self._early():
            stepper.delivered |= carries_gradient(stepper.parameters())
        self.alterations.backward_ended()

    def step_begins(self, stepper: Stepper) -> None:
        """Read its parameters again; note whether the gradients that were there are there still, and what has none."""
        stepper.refresh()
        self.alterations.step_begins()
        stepper.wiped = stepper.delivered and not carries_gradient(stepper.parameters())
        stepper.unreached = tuple(self.modules.unreached(stepper.held)) if stepper.delivered else ()

    def _early(self) -> Iterator[Stepper]:
        found = (self.steppers[key] for key in self._reached if key in self.steppers)
        return (stepper for stepper in found if stepper.steps < WIRING_STEPS)

    def step_ended(self, stepper: Stepper, loss: Tensor | None, frame: FrameType | None) -> Tensor | None:
        """Send what is known of a step; return the loss that fed it, or the one that should have."""
        self.send_wiring(stepper)
        is_idle = loss is None and not stepper.is_fed and self._owning
        return self._idle.find(stepper, frame) if is_idle else loss

    def send_wiring(self, stepper: Stepper) -> None:
        """Send what is known of the step that has just ended, one of the first."""
        if stepper.steps >= WIRING_STEPS:
            return
        self.alterations.step_ended()
        held = frozenset().union(*(s.held for s in self.steppers.values()))
        unheld, idle = [] if stepper.by_hand else self.modules.unheld(held), self.modules.idle_switches()
        learning = None if stepper.optimizer is None else (stepper.is_fed, *gradients_held(stepper.optimizer))
        left_out = (unheld, stepper.unreached)
        cleared = stepper.cleared or not stepper.delivered  # what no pass has added to, the script has put there
        found: list[Message] = list(
            wiring(stepper.key, stepper.steps, (cleared, stepper.wiped), left_out, idle, learning)
        )
        if stepper.by_hand:
            self._unsure += found
        else:
            self.send(found)
        stepper.cleared = stepper.delivered = stepper.wiped = False

    def settle(self) -> None:
        """Send what was found of steps by hand: it was no rehearsal."""
        unsure, self._unsure = self._unsure, []
        self.send(unsure)

    def forget(self) -> None:
        """Forget what was found in a rehearsal."""
        self._unsure.clear()
