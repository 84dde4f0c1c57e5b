"""Follow a training loop through its events: steps, backward passes, and which passes belong to which step.

A step may have several backward passes. In a script without an optimizer, each backward pass is a step.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

from descend.doctor.instrumentation.checkpoints import Checkpoints
from descend.doctor.instrumentation.component_observers import ComponentObservers
from descend.doctor.instrumentation.custom_functions import CustomFunctions
from descend.doctor.instrumentation.early_checks import WIRING_STEPS, EarlyChecks
from descend.doctor.instrumentation.fingerprints import fingerprint
from descend.doctor.instrumentation.internal_errors import EventHandler, never_raises
from descend.doctor.instrumentation.loaders import Loaders
from descend.doctor.instrumentation.loss_scaling import ScaledLosses
from descend.doctor.instrumentation.manual_updates import BY_HAND, ManualUpdates
from descend.doctor.instrumentation.modules import Modules
from descend.doctor.instrumentation.probe_runner import ProbeRunner
from descend.doctor.instrumentation.setting_changes import SettingChanges
from descend.doctor.instrumentation.steppers import Steppers
from descend.doctor.instrumentation.steps.attribution import Attribution, Stepper
from descend.doctor.instrumentation.steps.backward_passes import WHOLE_GRAPH, GradientRequest, PendingPass, open_pass
from descend.doctor.instrumentation.steps.curves import Curves
from descend.doctor.instrumentation.steps.light_sampling import LightSampling
from descend.doctor.instrumentation.steps.manual_step_sampling import ManualStepSampling
from descend.doctor.instrumentation.steps.opponents import Opponents
from descend.doctor.instrumentation.steps.rounds import frame_position
from descend.doctor.instrumentation.tape_control import first_line
from descend.doctor.instrumentation.unentered_loop import find_unentered_loop
from descend.doctor.record import Fact, Listener, SiteKind, facts
from descend.doctor.tape import Recording


class Observer(EventHandler):
    """Handles the events of one training run. `owns_run` is True if we have started the run, False if the user has."""

    def __init__(
        self, probe_runner: ProbeRunner, modules: Modules, send: Listener, *, probing: bool, owns_run: bool
    ) -> None:
        self.probe_runner, self.modules, self.send = probe_runner, modules, send
        self.probing, self.owns_run = probing, owns_run
        self.after_step: Callable[[int], None] = lambda steps: None
        self.began: float | None = None  # clock time when the first backward pass began
        self.passes = 0  # number of backward passes so far
        self.steppers = Steppers(modules.tree, send, owns_run=owns_run)
        self.attribution = Attribution(self.steppers.by_key, Opponents(send))
        self.curves = Curves(send, endless=not owns_run, gradients=probing and owns_run)
        self._stepping: Stepper | None = None
        self.light_sampling = sampling = LightSampling(self.curves, self.attribution, probe_runner.budget)
        sampling.after_step = self._light_step_ended if owns_run else None
        sampling.on_internal_error = self.on_internal_error
        self._manual_step_sampling = ManualStepSampling(probe_runner.budget, self.curves)
        self._recording: Recording | None = None  # recording of the loss of the current backward pass
        self.scaled_losses, self.manual_updates = ScaledLosses(), ManualUpdates(owns_run=owns_run)
        self.functions, self.loaders = CustomFunctions(modules, send, probe_runner.note), Loaders(send)
        self.checkpoints = Checkpoints(self)
        checks = self.early_checks = EarlyChecks(modules, send, self.steppers.by_key, owns_run=owns_run)
        states = lambda: self.steps, lambda: probe_runner.budget.is_spending, lambda: checks.is_between_step_and_pass
        self.components = ComponentObservers.create(modules, send, *states, with_metric=owns_run)
        self.settings = SettingChanges(modules, send, owns_run=owns_run)
        probe_runner.increases_loss = lambda key: self.manual_updates.increases_loss or checks.increases_loss(key)
        probe_runner.is_held, checks.call_site = checks.is_held, probe_runner.tape.call_site
        probe_runner.tape.trains, probe_runner.loader = checks.is_parameter, self.loaders.loader
        os.register_at_fork(after_in_child=self._disable_in_fork)

    def on_internal_error(self, error: Exception) -> None:
        """Add an internal error to the record as a note."""
        self.probe_runner.note("observer", first_line(error), self.steps)

    def _disable_in_fork(self) -> None:
        """Stop observing in a forked process, such as a loader's worker."""
        if not self.is_disabled:
            for part in (self, self.functions, self.settings, *self.components):
                part.is_disabled = True
            self.light_sampling.stop()
            self.probe_runner.tape.stop()

    @never_raises
    def optimizer_made(self, optimizer: Optimizer, frame: FrameType | None) -> None:
        """Register a new optimizer under a key, and report where it was created."""
        self.light_sampling.stop()
        stepper = self._find_stepper(optimizer, frame)
        self.modules.report_call(SiteKind.OPTIMIZER, stepper.key, frame, type(optimizer).__name__)
        self.settings.optimizer_made(stepper.key, optimizer)
        self._tape_next_step()

    @never_raises
    def module_made(self, module: Any, frame: FrameType | None) -> None:
        """Record where a new module was created."""
        self.modules.record_construction(module, frame, self.passes)

    @never_raises
    def loader_made(self, loader: Any, frame: FrameType | None) -> None:
        """Register a new data loader, and report where it was created."""
        self.loaders.add(loader, self.modules.add_loader(frame))

    @never_raises
    def loss_scaled(self, scaled: Tensor, loss: Tensor, scaler: Any) -> None:
        """Store a loss that a GradScaler has scaled, until its backward pass."""
        self.light_sampling.stop()
        self.scaled_losses.add(scaled, loss, scaler)

    @never_raises
    def batch_begins(self) -> None:
        """Pause the recording of torch calls while a loader fetches a batch, which is not part of the loss."""
        self.probe_runner.tape.pause()

    @never_raises
    def batch_ended(self, iterator: Any, batch: Any) -> None:
        """Resume the recording of torch calls after a batch was fetched; `batch` is None at the end of the data."""
        self.probe_runner.tape.resume(batch, self.loaders.key(iterator))

    def skips_manual_step(self, frame: FrameType | None) -> bool:
        """Count the manual update whose backward pass `frame` calls; return False if it has to be read instead."""
        return not self.steppers.has_optimizer and self._manual_step_sampling.count_if_skipped(frame)

    @never_raises
    def backward_begins(
        self, root: Tensor, frame: FrameType | None, asked: GradientRequest = WHOLE_GRAPH
    ) -> PendingPass | None:
        """Inspect a backward pass before it runs; return the state before it if the pass will be measured."""
        self.light_sampling.stop()
        self.curves.backward_begins()
        self.passes += 1
        searching = None if self.owns_run or self.probe_runner.tape.is_recording else self._stepping
        if searching is not None and self.attribution.has_counted_closure_pass(searching):
            return None
        if self.began is None:
            self.began = time.perf_counter()
        self.probe_runner.budget.pass_begins()
        if self.probing:
            self.early_checks.check_loss(root, self.steps, frame)
        loss, scaler = self.scaled_losses.original(root)
        if not self.steppers.has_optimizer:
            self.send(self.manual_updates.before_backward(root, asked.inputs))
            self.steppers.manual_stepper()
        place = (caller := self.modules.tree.caller(frame)) and frame_position(caller)
        reaches = self.attribution.record_backward(loss, root, place, inside=self._stepping is not None)
        self.light_sampling.add_full_pass(place, frame and frame_position(frame))
        self.early_checks.before_backward(place, reaches, self.manual_updates.leaves)
        # This backward pass is certainly part of a training.
        if self.steps < WIRING_STEPS and (self.steppers.has_optimizer or self.manual_updates.trains):
            self.modules.report_call(SiteKind.BACKWARD, "", frame)
        stepper = self._stepping or self.steppers.by_key.get(self.attribution.next_optimizer(place, reaches) or "")
        if stepper is None or stepper.is_sharded or not self.probe_runner.should_examine(stepper.key, stepper.steps):
            self.probe_runner.tape.stop_before(stepper)
            return None
        with self.probe_runner.budget.charging("gradient"):
            opened = open_pass(root, loss, scaler, stepper, asked, self.manual_updates.proxies)
        self.modules.add_parameter_names(zip(self.manual_updates.names, opened.parameters))
        self._recording = opened.with_proxies(self.probe_runner.tape.finalise(asked.root(loss), stepper.steps))
        self.attribution.record_loss_parameters(stepper, self._recording.parameters.values() if self._recording else ())
        return opened

    @never_raises
    def backward_ended(self, opened: PendingPass | None, returned: Mapping[int, Tensor] | None = None) -> None:
        """Inspect a backward pass after it has run. `returned` has the gradients by parameter id, if not in `.grad`."""
        self.attribution.backward_ended()
        self.early_checks.after_backward()
        if opened is not None and opened.leaves:
            recording, self._recording = self._recording, None
            with self.probe_runner.budget.charging("gradient"):
                passed = opened.finish(returned)
            self.probe_runner.after_backward(passed, recording)
        if not self.steppers.has_optimizer:
            self._count_manual_step(returned)
        elif not self.steps and self._stepping is None:
            self._count_pass_without_step()

    @never_raises
    def gradient_returned(self, root: Tensor, inputs: Sequence[Tensor], frame: FrameType | None) -> None:
        """Record gradients from `torch.autograd.grad` in a script with an optimizer, which may use them in a step."""
        self.light_sampling.stop()
        if {id(t) for t in inputs} <= set().union(*(s.held for s in self.steppers.by_key.values())):
            self.attribution.record_backward(root, root, ("returned", frame and id(frame.f_code)), returned=True)

    def _count_pass_without_step(self) -> None:
        """Treat the last backward pass as a step, because the script has not called `optimizer.step()` so far."""
        self._tape_next_step()
        if self.passes > WIRING_STEPS:
            self.after_step(self.passes)

    @never_raises
    def step_begins(self, optimizer: Optimizer, frame: FrameType | None) -> None:
        """Inspect an optimizer before its step. If the step has a closure, the backward passes run inside the step."""
        self.light_sampling.stop()
        self._stepping = stepper = self._find_stepper(optimizer)
        if stepper.steps < WIRING_STEPS:
            self.settings.step_begins(stepper.key, optimizer, stepper.steps)
            self.early_checks.step_begins(stepper)
            self.modules.report_call(SiteKind.STEP, stepper.key, frame)
        if self.probe_runner.probed == stepper.steps and self.probing and self.probe_runner.key == stepper.key:
            self.probe_runner.before_step(list(stepper.parameters()))

    @never_raises
    def step_ended(self, optimizer: Optimizer, frame: FrameType | None) -> None:
        """Count an optimizer's step, and record the loss whose gradient it used."""
        self.light_sampling.stop()
        stepper, self._stepping = self._find_stepper(optimizer), None
        self.steppers.is_past &= stepper.key != self.probe_runner.key
        loss = self.early_checks.step_ended(stepper, self.attribution.loss_of_step(stepper), frame)
        self.curves.add_step(stepper.key, stepper.steps, loss, optimizer.param_groups[0].get("lr"), optimizer)
        stepper.steps += 1
        self.settings.step_ended(stepper.key, optimizer, stepper.steps)
        self.probe_runner.after_step(stepper)
        self._prepare_next_step()
        if stepper.steps > WIRING_STEPS:
            self.light_sampling.add_full_step(stepper, self.probe_runner.next_examined_step)

    @property
    def steps(self) -> int:
        """Return the number of steps of the optimizer that has stepped most."""
        return self.steppers.steps

    @never_raises
    def _light_step_ended(self) -> None:
        """Handle the end of an optimizer step of which only the loss was read."""
        self.steppers.store_write_count()
        self.after_step(self.steps)

    def _prepare_next_step(self) -> None:
        """Update the time budget and the recording after a step, and send the losses if they are due."""
        self.probe_runner.budget.step_ended(self.steps)
        self._tape_next_step()
        if self.curves.is_due or self.steps <= WIRING_STEPS:
            self.flush()
        self.steppers.store_write_count()
        self.after_step(self.steps)

    def _count_manual_step(self, returned: Mapping[int, Tensor] | None) -> None:
        """Count a manual update in a script without an optimizer, and record its loss."""
        stepper = self.steppers.manual_stepper()
        self.manual_updates.after_backward(returned)
        self.curves.add_step(BY_HAND, stepper.steps, self.attribution.loss_of_step(stepper), self.manual_updates.rate)
        self.early_checks.send_step_results(stepper)
        stepper.steps += 1
        self._prepare_next_step()
        if self.manual_updates.trains:
            self._manual_step_sampling.record_read_step(stepper, self.probe_runner.next_examined_step)

    def _tape_next_step(self) -> None:
        """Start to record the torch calls of the next step if a recording of the step is needed."""
        self.probe_runner.tape.stop()
        if self.probe_runner.should_tape(self.steps):
            self.probe_runner.tape.start()

    @never_raises
    def finish(self, measuring: bool) -> None:
        """Send the remaining values. If `measuring` is true, measure the fixed batches at the final parameters."""
        self.light_sampling.stop()
        if self.manual_updates.only_computes_gradients():
            self.forget_untrained_passes()
        self.flush(last=True)
        self.send([Fact.of(facts.BackwardPasses(self.passes), self.steps)])
        if self.steppers.has_optimizer and not self.steps and not self.passes:
            self.send(find_unentered_loop(self.modules.tree))
        self.components.finish()
        self.functions.finish()
        if measuring and not self.steppers.is_past:  # Weights of a later training are not measured.
            self.is_disabled = True  # Our own measurements also make backward passes, which must not be counted.
            self.probe_runner.finish(self.steps)
            self.is_disabled = False

    def flush(self, *, last: bool = False) -> None:
        """If the script is known to train, read and send the losses that have not been sent yet."""
        if self.steppers.has_optimizer or self.manual_updates.trains or last:
            self.early_checks.send_manual_results()
            self.curves.flush(last=last)

    @never_raises
    def weights(self) -> str:
        """Return a fingerprint of the trained parameters; "" if no parameters are known."""
        held = [p for s in self.steppers.by_key.values() if s.steps for p in s.parameters()]
        return fingerprint(held or list(self.manual_updates.leaves))

    def _find_stepper(self, optimizer: Optimizer, frame: FrameType | None = None) -> Stepper:
        """Return the `Stepper` (counter of steps) of an optimizer; register the optimizer if it is new."""
        if (known := self.steppers.find(optimizer)) is not None:
            return known
        self.forget_untrained_passes()
        stepper, is_new = self.steppers.register(optimizer, frame)
        if is_new:
            self.attribution.forget_reach()
        return stepper

    def forget_untrained_passes(self) -> None:
        """Forget the backward passes so far if they have trained nothing, as in a gradient check."""
        if not self.steppers.has_optimizer and self.steppers.by_key and not self.manual_updates.trains:
            self.steppers.by_key.clear()
            for part in (self.attribution, self.curves, self.early_checks):
                part.forget()
            self.probe_runner.restart()
