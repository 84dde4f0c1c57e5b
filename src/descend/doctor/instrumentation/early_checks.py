"""Check the first steps for mistakes in the training loop: gradients, parameters, modes and damaged data."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from types import FrameType

from torch import Tensor, nn

from descend.doctor.instrumentation.binary_variables import find_binary_variables
from descend.doctor.instrumentation.modules import Modules
from descend.doctor.instrumentation.nonfinite_origin import nonfinite_data, undefined_operation
from descend.doctor.instrumentation.steps.attribution import Stepper
from descend.doctor.instrumentation.unused_loss import UnusedLossFinder
from descend.doctor.instrumentation.write_tracking import WriteTracker
from descend.doctor.measure.wiring import carries_gradient, gradients_held, wiring
from descend.doctor.record import Fact, Listener, Message, Site, SiteKind

SUMMED, SUMMED_ENTRIES = 8, 1024  # So many parameters without an optimizer are followed, and so many of their values.
WIRING_STEPS = 6  # A mistake in the training loop shows in each of this many first steps.


class EarlyChecks:
    """Checks the training loop in each of the first steps, and finds the cause of the first non-finite loss."""

    def __init__(self, modules: Modules, send: Listener, steppers: Mapping[str, Stepper], *, owns_run: bool) -> None:
        self.modules, self.send, self.steppers = modules, send, steppers
        self.is_between_step_and_pass = False  # whether one of the first steps has ended without a new backward pass
        self._reached: tuple[str, ...] = ()  # keys of the optimizers that the current backward pass reaches
        # Results for manual updates are sent only once it is certain that the script trains with these updates.
        self._manual_results: list[Message] = []
        # `call_site` returns the place of a function's call in the last recorded step, if it has only one call.
        self.call_site: Callable[[str], Site | None] = lambda function: None
        self.write_tracker = WriteTracker(modules, send, steppers, owns_run=owns_run)
        self._owns_run = owns_run  # Only a run that we have started may wait for values from the GPU.
        self._unused_loss_finder = UnusedLossFinder(modules, send)
        self._has_labels = not owns_run  # Labels are checked once, and not in a run that the user watches.
        self._sums: dict[str, float] = {}  # sums of some parameters that no optimizer holds, by name
        self._found_nonfinite = False  # whether a loss was not finite

    def is_held(self, parameter: Tensor) -> bool:
        """Return whether any optimizer of the script holds the parameter."""
        return any(id(parameter) in stepper.held for stepper in self.steppers.values())

    def increases_loss(self, key: str) -> bool:
        """Return whether an optimizer increases the loss: by `maximize=True` or reversed gradients, but not by both."""
        stepper = self.steppers.get(key)
        groups = stepper.optimizer.param_groups if stepper and stepper.optimizer else []
        maximises = any(group.get("maximize") for group in groups)
        return maximises is not self.write_tracker.are_reversed

    def is_parameter(self, leaf: Tensor) -> bool:
        """Return whether a leaf of the graph is a parameter. If a loss contains derivatives, inputs may be leaves."""
        return isinstance(leaf, nn.Parameter) or self.is_held(leaf) or all(s.by_hand for s in self.steppers.values())

    def check_loss(self, root: Tensor, step: int, frame: FrameType | None) -> None:
        """Report the cause if this is the run's first non-finite loss. Later ones are usually consequences of it.

        In the first pass, also report variables that hold binary labels.
        """
        if not self._has_labels:
            self._has_labels = True
            self.send(list(find_binary_variables(self.modules.tree.in_script(frame), step)))
        if not self._found_nonfinite and (root.is_cpu or self._owns_run) and not math.isfinite(root.item()):
            self._found_nonfinite = True
            if (found := nonfinite_data(root)) is not None:
                self.send([Fact.of(found, step)])
            elif (made := undefined_operation(root)) is not None:
                self.modules.report_known_site(SiteKind.NOT_FINITE, "0", self.call_site(made.function), made.function)
                self.send([Fact.of(made, step)])

    def before_backward(self, place: object, reaches: Iterable[str], leaves: Iterable[Tensor]) -> None:
        """Before a backward pass, record which of the optimizers that it reaches have cleared their gradients.

        Cleared gradients are lost if all passes are at one place, with the same parameters. Scripts that move inputs or
        parameters along a gradient make their last pass at another place, or change the parameters.

        place: the place of the pass in the source; None if it is unknown. leaves: the parameters of a script that
        updates them by hand.
        """
        self._reached, self.is_between_step_and_pass = tuple(reaches), False
        self.write_tracker.backward_begins()
        for stepper in self._steppers_to_check():
            parameters = list(leaves if stepper.by_hand else stepper.parameters())
            is_clear, this_pass = not carries_gradient(parameters), (place, sum(p._version for p in parameters))
            is_repeated = place is not None and stepper.last_pass == this_pass
            stepper.lost = stepper.lost + (is_clear and stepper.delivered) if is_repeated else 0
            stepper.last_pass, stepper.gradients = this_pass, _gradient_versions(stepper)
            stepper.cleared |= is_clear

    def after_backward(self) -> None:
        """After a backward pass, record which of the optimizers that it reaches have gradients."""
        for stepper in self._steppers_to_check():
            stepper.delivered |= carries_gradient(stepper.parameters())
            before, stepper.gradients = stepper.gradients, _gradient_versions(stepper)
            # The pass has added nothing to these gradients, so the script sets them itself.
            stepper.cleared |= before == stepper.gradients
        self.write_tracker.backward_ended()

    def step_begins(self, stepper: Stepper) -> None:
        """Record whether gradients disappeared before the step, and which of the used weights have no gradient."""
        stepper.refresh()
        self.write_tracker.step_begins()
        stepper.wiped = stepper.delivered and not carries_gradient(stepper.parameters())
        if stepper.gradients.keys() != _gradient_versions(stepper).keys():
            stepper.lost = 0  # The script itself has set the gradients, perhaps from those of all passes.
        stepper.unreached = tuple(self.modules.weights_without_gradient(stepper.held)) if stepper.delivered else ()

    def _steppers_to_check(self) -> Iterator[Stepper]:
        """Yield the optimizers that the current backward pass reaches and that are in their first steps."""
        found = (self.steppers[key] for key in self._reached if key in self.steppers)
        return (stepper for stepper in found if stepper.steps < WIRING_STEPS)

    def step_ended(self, stepper: Stepper, loss: Tensor | None, frame: FrameType | None) -> Tensor | None:
        """Send the results of the checks of a step. Return its loss or else a loss that was not differentiated."""
        self.send_step_results(stepper)
        self.is_between_step_and_pass = stepper.steps < WIRING_STEPS
        is_idle = loss is None and not stepper.is_fed and self._owns_run
        return self._unused_loss_finder.find(stepper, frame) if is_idle else loss

    def send_step_results(self, stepper: Stepper) -> None:
        """Send the results of the checks of the step that has just ended, if it is one of the first steps."""
        if stepper.steps >= WIRING_STEPS:
            return
        self.write_tracker.step_ended()
        held = frozenset().union(*(s.held for s in self.steppers.values()))
        unheld = {} if stepper.by_hand else self.modules.parameters_without_optimizer(held)
        idle = self.modules.modules_in_eval_mode()
        replaced = self.modules.replaced_parameters(stepper.parameters(), unheld) if stepper.is_fed else []
        learning = None if stepper.optimizer is None else (stepper.is_fed, *gradients_held(stepper.optimizer))
        left_out = ([*unheld], stepper.unreached, replaced, self._has_rewritten(unheld))
        # If there was no backward pass, the script itself has set the gradients.
        cleared = stepper.cleared or not stepper.delivered
        found: list[Message] = list(
            wiring(stepper.key, stepper.steps, (cleared, stepper.wiped, stepper.lost), left_out, idle, learning)
        )
        if stepper.by_hand:
            self._manual_results += found
        else:
            self.send(found)
        stepper.cleared = stepper.delivered = stepper.wiped = False
        stepper.lost = 0

    def _has_rewritten(self, unheld: Mapping[str, Tensor]) -> bool:
        """Return whether the script has changed parameters that no optimizer holds since the last step."""
        first = {name: p.detach().flatten()[:SUMMED_ENTRIES] for name, p in islice(unheld.items(), SUMMED)}
        sums = {name: float(entries.double().sum()) for name, entries in first.items()}
        before, self._sums = self._sums, sums
        return any(before.get(name, value) != value for name, value in sums.items())

    def send_manual_results(self) -> None:
        """Send the stored results of the checks of manual updates."""
        unsure, self._manual_results = self._manual_results, []
        self.send(unsure)

    def forget(self) -> None:
        """Drop the stored results of the checks of manual updates, because the script has not trained with them."""
        self._manual_results.clear()


def _gradient_versions(stepper: Stepper) -> dict[int, int]:
    """Return the ids of the gradients of an optimizer's parameters, each with its number of in-place changes."""
    return {id(p.grad): p.grad._version for p in stepper.parameters() if p.grad is not None}
