"""Reads a training loop from its events: what a step is, and what feeds it.

A step is not a backward pass: gradients may be accumulated over several, a closure may run many inside one step,
and two optimizers may take turns. A script without an optimizer steps once per backward pass.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

from descend.doctor.observing.beside_the_loop import Beside
from descend.doctor.observing.checkpoints import Checkpoints
from descend.doctor.observing.custom import CustomFunctions
from descend.doctor.observing.examiner import Examiner
from descend.doctor.observing.faults import WIRING_STEPS, Faults
from descend.doctor.observing.fingerprint import fingerprint
from descend.doctor.observing.guard import harmless
from descend.doctor.observing.loaders import Loaders
from descend.doctor.observing.manual_updates import BY_HAND, ManualUpdates
from descend.doctor.observing.modules import Modules
from descend.doctor.observing.scaling import Scaled
from descend.doctor.observing.setting_changes import SettingChanges
from descend.doctor.observing.steppers import Steppers
from descend.doctor.observing.taping import first_line
from descend.doctor.observing.unentered_loop import unentered_loop
from descend.doctor.reading.attribution import Attribution, Stepper
from descend.doctor.reading.curves import Curves
from descend.doctor.reading.light_sampling import LightSampling
from descend.doctor.reading.omission import Omission
from descend.doctor.reading.opponents import Opponents
from descend.doctor.reading.passes import ALL, Asked, Opened, open_pass
from descend.doctor.reading.rounds import spot
from descend.doctor.record import Fact, Listener, facts
from descend.doctor.tape import Recording


class Observer:
    """The bookkeeping of one run; `hooks` calls it on each event. `owning` whether the run is ours."""

    def __init__(self, examiner: Examiner, modules: Modules, send: Listener, *, probing: bool, owning: bool) -> None:
        self.examiner, self.modules, self.send = examiner, modules, send
        self.probing, self.owning = probing, owning
        self.after_step: Callable[[int], None] = lambda steps: None
        self.began: float | None = None  # when the first backward pass began
        self.inert = False  # in a forked process, which is not the run that is recorded
        self.passes = 0  # backward
        self.steppers = Steppers(modules.tree, send, owning=owning)
        self.attribution = Attribution(self.steppers.by_key, Opponents(send))
        self.curves = Curves(send, endless=not owning, gradients=probing and owning)
        self._stepping: Stepper | None = None
        self.light_sampling = sampling = LightSampling(self.curves, self.attribution, examiner.budget)
        sampling.after_step, sampling.stumbled = self._sampled_lightly if owning else None, self.stumbled
        self._omission = Omission(examiner.budget, self.curves)
        self._recording: Recording | None = None  # of the backward pass that is under way
        self.scaled, self.hand = Scaled(), ManualUpdates(owning=owning)
        self.functions, self.loaders = CustomFunctions(modules, send, examiner.note), Loaders(send)
        self.checkpoints = Checkpoints(modules, send, lambda: self.steps, self.stumbled)
        self.beside = Beside.of(modules, send, lambda: self.steps, lambda: examiner.budget.is_spending, judging=owning)
        self.faults = Faults(modules, send, self.steppers.by_key, owning=owning)
        self.settings = SettingChanges(modules, send, owning=owning)
        examiner.climbs = lambda key: self.hand.climbs or self.faults.climbs(key)
        examiner.is_held, self.faults.called = self.faults.is_held, examiner.tape.called
        examiner.tape.trains, examiner.loader = self.faults.is_parameter, self.loaders.loader
        os.register_at_fork(after_in_child=self._disown)

    def stumbled(self, error: Exception) -> None:
        """Take note of a mistake of ours."""
        self.examiner.note("observer", first_line(error), self.steps)

    def _disown(self) -> None:
        if not self.inert:
            for part in (self, self.functions, self.checkpoints, self.settings, *self.beside):
                part.inert = True
            self.light_sampling.leave()
            self.examiner.tape.stop()

    # -- makers

    @harmless
    def optimizer_made(self, optimizer: Optimizer, frame: FrameType | None) -> None:
        """Give an optimizer its key and note where it was made."""
        self.light_sampling.leave()
        stepper = self._stepper(optimizer, frame)
        self.modules.note_call("optimizer", stepper.key, frame, type(optimizer).__name__)
        self.settings.made(stepper.key, optimizer)
        self._tape_next_step()

    @harmless
    def module_made(self, module: Any, frame: FrameType | None) -> None:
        """Remember where a module is being constructed."""
        self.modules.note_made(module, frame, self.passes)

    @harmless
    def loader_made(self, loader: Any, frame: FrameType | None) -> None:
        """Remember a loader, and where it was constructed."""
        self.loaders.made(loader, self.modules.note_loader(frame))

    @harmless
    def loss_scaled(self, scaled: Tensor, loss: Tensor, scaler: Any) -> None:
        """Remember what a GradScaler has scaled."""
        self.light_sampling.leave()
        self.scaled.remember(scaled, loss, scaler)

    @harmless
    def batch_begins(self) -> None:
        """A loader is about to be asked for a batch: its own work is no part of the loss."""
        self.examiner.tape.pause()

    @harmless
    def batch_ended(self, iterator: Any, batch: Any) -> None:
        """The batch is there: None at the end of the data."""
        self.examiner.tape.resume(batch, self.loaders.key(iterator))

    # -- backward

    def omits(self, frame: FrameType | None) -> bool:
        """Whether the pass that `frame` calls for is a step by hand that is only counted."""
        return not self.steppers.has_optimizer and self._omission.takes(frame)

    @harmless
    def backward_begins(self, root: Tensor, frame: FrameType | None, asked: Asked = ALL) -> Opened | None:
        """Look before a backward pass; return what is needed after it, if it is to be looked at."""
        self.light_sampling.leave()
        self.curves.backward()
        self.passes += 1
        searching = None if self.owning or self.examiner.tape.runs else self._stepping
        if searching is not None and self.attribution.has_tried(searching):
            return None
        if self.began is None:
            self.began = time.perf_counter()
        self.examiner.budget.pass_begins()
        if self.probing:
            self.faults.look_at_value(root, self.steps, frame)
        loss, scaler = self.scaled.original(root)
        if not self.steppers.has_optimizer:
            self.send(self.hand.look(root, asked.inputs))
            self.steppers.by_hand()
        place = (caller := self.modules.tree.caller(frame)) and spot(caller)
        reaches = self.attribution.backward(loss, root, place, inside=self._stepping is not None)
        self.light_sampling.saw_backward(place, frame and spot(frame))
        self.faults.look_before(reaches, self.hand.leaves)
        if self.steps < WIRING_STEPS and (self.steppers.has_optimizer or self.hand.trains):  # no rehearsal
            self.modules.note_call("backward", "", frame)
        stepper = self._stepping or self.steppers.by_key.get(self.attribution.owner(place, reaches) or "")
        if stepper is None or not self.examiner.examines(stepper.key, stepper.steps):
            self.examiner.tape.stop()
            return None
        with self.examiner.budget.charging("gradient"):
            opened = open_pass(root, loss, scaler, stepper, asked, self.hand.lineage)
        self.modules.note_names(zip(self.hand.names, opened.parameters))
        self._recording = opened.standing(self.examiner.tape.seal(asked.root(loss), stepper.steps))
        self.attribution.made_with(stepper, self._recording.parameters.values() if self._recording else ())
        return opened

    @harmless
    def backward_ended(self, opened: Opened | None, returned: Mapping[int, Tensor] | None = None) -> None:
        """Look after a backward pass: check the tape, take the probes that are due; `returned` as in `Hand.filled`."""
        self.attribution.backward_ended()
        self.faults.look_after()
        if opened is not None and opened.leaves:
            recording, self._recording = self._recording, None
            with self.examiner.budget.charging("gradient"):
                passed = opened.close(returned)
            self.examiner.look(passed, recording)
        if not self.steppers.has_optimizer:
            self._step_by_hand(returned)
        elif not self.steps and self._stepping is None:
            self._no_step_so_far()

    @harmless
    def gradient_returned(self, root: Tensor, inputs: Sequence[Tensor], frame: FrameType | None) -> None:
        """Take note of gradients that a script with an optimizer asks for: it may step on them."""
        self.light_sampling.leave()
        if {id(t) for t in inputs} <= set().union(*(s.held for s in self.steppers.by_key.values())):
            self.attribution.backward(root, root, ("returned", frame and id(frame.f_code)), returned=True)

    def _no_step_so_far(self) -> None:
        """A script that forgets to step is looked at pass by pass."""
        self._tape_next_step()
        if self.passes > WIRING_STEPS:
            self.after_step(self.passes)

    # -- steps

    @harmless
    def step_begins(self, optimizer: Optimizer, frame: FrameType | None) -> None:
        """Look before an optimizer steps; a closure runs its backward passes inside."""
        self.light_sampling.leave()
        self._stepping = stepper = self._stepper(optimizer)
        if stepper.steps < WIRING_STEPS:
            self.settings.step_begins(stepper.key, optimizer, stepper.steps)
            self.faults.step_begins(stepper)
            self.modules.note_call("step", stepper.key, frame)
        if self.examiner.probed == stepper.steps and self.probing and self.examiner.key == stepper.key:
            self.examiner.before_step(list(stepper.parameters()))

    @harmless
    def step_ended(self, optimizer: Optimizer, frame: FrameType | None) -> None:
        """Count a step and attribute the loss that fed it."""
        self.light_sampling.leave()
        stepper, self._stepping = self._stepper(optimizer), None
        self.steppers.is_past &= stepper.key != self.examiner.key
        loss = self.faults.step_ended(stepper, self.attribution.step(stepper), frame)
        self.curves.note(stepper.key, stepper.steps, loss, optimizer.param_groups[0].get("lr"), optimizer)
        stepper.steps += 1
        self.settings.step_ended(stepper.key, optimizer, stepper.steps)
        self.examiner.after_step()
        self._step_is_over()
        if stepper.steps > WIRING_STEPS:
            self.light_sampling.saw_step(stepper, self.examiner.next_look)

    @property
    def steps(self) -> int:
        """Steps of the optimizer that has stepped most."""
        return self.steppers.steps

    @harmless
    def _sampled_lightly(self) -> None:
        self.steppers.step_is_over()
        self.after_step(self.steps)

    def _step_is_over(self) -> None:
        self.examiner.budget.step_ended(self.steps)
        self._tape_next_step()
        if self.curves.due or self.steps <= WIRING_STEPS:
            self.flush()
        self.steppers.step_is_over()
        self.after_step(self.steps)

    def _step_by_hand(self, returned: Mapping[int, Tensor] | None) -> None:
        stepper = self.steppers.by_hand()
        self.hand.filled(returned)
        self.curves.note(BY_HAND, stepper.steps, self.attribution.step(stepper), self.hand.rate)
        self.faults.send_wiring(stepper)
        stepper.steps += 1
        self._step_is_over()
        if self.hand.trains:
            self._omission.read(stepper, self.examiner.next_look)

    def _tape_next_step(self) -> None:
        self.examiner.tape.stop()
        if self.examiner.wants_tape(self.steps):
            self.examiner.tape.start()

    @harmless
    def finish(self, measuring: bool) -> None:
        """Send what is left; measure the fixed examples at the final parameters."""
        self.light_sampling.leave()
        if self.hand.only_looks():
            self.forget_rehearsal()
        self.flush(last=True)
        self.send([Fact.of(facts.Passes(self.passes), self.steps)])
        if self.steppers.has_optimizer and not self.steps and not self.passes:
            self.send(unentered_loop(self.modules.tree))
        self.beside.finish()
        self.functions.finish()
        if measuring and not self.steppers.is_past:  # a later stage's weights are not the first one's doing
            self.inert = True  # what measurements step and differentiate by themselves is not the script's
            self.examiner.finish(self.steps)
            self.inert = False

    def flush(self, *, last: bool = False) -> None:
        """Read the waiting losses off the device and send them."""
        if self.steppers.has_optimizer or self.hand.trains or last:  # it may be a rehearsal
            self.faults.settle()
            self.curves.flush(last=last)

    @harmless
    def weights(self) -> str:
        """Return the fingerprint of the trained parameters; "" where none is known."""
        held = [p for s in self.steppers.by_key.values() if s.steps for p in s.parameters()]
        return fingerprint(held or list(self.hand.leaves))

    def _stepper(self, optimizer: Optimizer, frame: FrameType | None = None) -> Stepper:
        known = self.steppers.find(optimizer)
        if known is not None:
            return known
        self.forget_rehearsal()
        stepper, is_new = self.steppers.take(optimizer, frame)
        if is_new:
            self.attribution.forget_reach()
        return stepper

    def forget_rehearsal(self) -> None:
        """Begin anew: what was taken for steps was no training yet."""
        if not self.steppers.has_optimizer and self.steppers.by_key and not self.hand.trains:
            self.steppers.by_key.clear()
            for part in (self.attribution, self.curves, self.faults):
                part.forget()
            self.examiner.restart()
