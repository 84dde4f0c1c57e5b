"""Run the measurements (probes) of a run: keep its first batches, and measure on these at a sparse set of steps.

Each probe runs after a backward pass, within the time budget. If a probe fails, a note with the reason is recorded.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import inf
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

from descend.doctor.instrumentation.early_recording import EarlyRecording
from descend.doctor.instrumentation.fixed_batches import FixedBatches
from descend.doctor.instrumentation.mode_reports import ModeReports
from descend.doctor.instrumentation.modules import Modules
from descend.doctor.instrumentation.rank_curvature import RankCurvature
from descend.doctor.instrumentation.sparse_steps import next_sparse_step
from descend.doctor.instrumentation.steps.attribution import Stepper
from descend.doctor.instrumentation.steps.backward_passes import BackwardPass
from descend.doctor.instrumentation.steps.budget import Budget
from descend.doctor.instrumentation.tape_control import REFUSALS, TapeControl, first_line
from descend.doctor.measure import CURVATURE, DRAWN, PROBES, SPREAD, Probe, Snapshot, Unavailable, update_ratio
from descend.doctor.measure.shown.points import next_step
from descend.doctor.record import Cost, Fact, Listener, Note, facts
from descend.doctor.record.measured_by import FOR_TIME, TAPE
from descend.doctor.tape import Recording


class ProbeRunner:
    """Runs the measurements (probes) of one training run on its fixed batches, the first batches of the run."""

    def __init__(self, probes: Sequence[Probe], budget: Budget, modules: Modules, send: Listener) -> None:
        self.probes, self.budget, self.modules, self.send = probes, budget, modules, send
        self.tape = TapeControl(budget, modules, self.note)
        self.batches = FixedBatches(budget, send)
        self.sampling = self.counts_rows = False  # whether later batches are recorded, and the rows of batches counted
        self.is_strict = False  # whether a measurement has to end as soon as its share of the time is used
        self.asked: Mapping[str, Any] = {}  # for `descend show`: what to measure, and at which steps
        self.is_held: Callable[[Tensor], bool] = lambda parameter: False  # whether any optimizer holds a parameter
        # `increases_loss` returns whether an optimizer maximises the loss instead of minimising it.
        self.increases_loss: Callable[[str], bool] = lambda key: False
        self.loader: Callable[[str], Any] = lambda number: None  # returns the script's data loader with a number
        # curvature of the loss averaged over all ranks, which is measured only in a watched process group
        self.rank_curvature: RankCurvature | None = None
        self._noted, self._failed = set[tuple[str, str]](), Counter[str]()  # calls without a result
        self.restart()

    def restart(self) -> None:
        """Forget the measurements so far, because the steps so far were not part of a training."""
        self.key: str | None = None  # key of the measured optimizer, whose loss is recorded
        self.early = EarlyRecording(self.budget)
        self.modes = ModeReports(self.modules, self.send, is_on=self.budget.is_watched_run)
        self.batches.restart()
        self.probed, self._next_probe = -1, 0.0  # the last step at which probes ran, and the next one
        self._memory: dict[str, Any] = {}
        self._owed: set[str] = set()  # names of one-time probes that did not fit into the time budget so far
        self._later: list[Recording] = []  # recordings of batches from the whole run, after the fixed batches
        self._last: BackwardPass | None = None
        self.tape.restart()

    @property
    def monitor(self) -> tuple[Recording, ...]:
        """Return the recordings of the fixed batches; an empty tuple until all of them are collected."""
        return self.batches.recordings

    def use_probe(self, probe: Probe, asked: Mapping[str, Any]) -> None:
        """Run only this probe, at the requested steps and, if requested, at the end of the run."""
        self.probes, self.asked = (probe,) if asked["at"] or asked["last"] else (), asked

    def should_tape(self, step: int) -> bool:
        """Return whether the next step's torch calls should be recorded, as a fixed batch or as a later batch."""
        is_later_batch = self.sampling and step >= self._next_probe and self.budget.left() > 0
        wanted = not self.monitor or is_later_batch or self._ranks_measure(step)
        is_early = bool(self.probes) and self.early.is_due(step) and self.tape.blocked is None
        return self.is_active and (wanted and self.tape.allowed() or is_early)

    def should_examine(self, key: str, step: int) -> bool:
        """Return whether the next backward pass of the optimizer with this key should be measured."""
        if not self.is_active or self.key not in (None, key):
            return False
        opens = (self.tape.is_recording and not self.monitor) or self._ranks_measure(step)
        return opens or bool(self.probes) and not self._needs_batches and self.is_due(step) and self.budget.left() > 0

    def next_examined_step(self, key: str, step: int) -> float:
        """Return the next step of an optimizer at which more than its loss has to be read.

        A watched run may wait until the budget suffices. Our own runs are short, so any step may be the one.
        """
        if not self.tape.is_idle:
            return step
        if not self.is_active or self.key not in (None, key):
            return inf
        meeting = min(self.rank_curvature.next if self.rank_curvature else inf, self.modes.next_step)
        if not self._needs_batches and not (self.probes and self.is_due(step)):
            return min(meeting, self._next_probe if self.probes else inf)
        affordable = self.tape.allowed() if self._needs_batches else self.budget.left() > 0
        return step if affordable or not self.budget.is_watched_run else meeting

    def is_due(self, step: int) -> bool:
        """Return whether the measurements (probes) are due at this step."""
        return step >= self._next_probe

    @property
    def is_active(self) -> bool:
        """Return whether anything should be measured, by this rank alone or by all ranks together."""
        return bool(self.probes or self.rank_curvature)

    def _ranks_measure(self, step: int) -> bool:
        """Return whether all ranks together measure the curvature at this step."""
        return self.rank_curvature is not None and self.rank_curvature.is_due(step)

    @property
    def _needs_batches(self) -> bool:
        """Return whether more fixed batches are needed and can be recorded."""
        return not self.monitor and self.tape.blocked is None

    def after_backward(self, passed: BackwardPass, recording: Recording | None) -> None:
        """Check the recording of a finished backward pass, and run the measurements that are due."""
        with _disable_current_modes():  # The script's modes, such as a FLOP counter, must not see our calls.
            delays = self.early.delays_checks(passed.step, self.tape.pass_seconds)
            if recording is not None and delays and not self._ranks_measure(passed.step):
                self.early.keep(passed, recording)
                self.budget.forget_last_cost(TAPE)
                return
            if recording is not None and not self.tape.is_faithful(recording, passed):
                recording = None
            passed = passed.without_overflow(recording)
            if recording is not None and not self.monitor:
                self._memory["embeddings"] = self.modules.embeddings()
                self.batches.add(recording)
                self.early.release(are_batches_fixed=bool(self.monitor))
            elif recording is not None:
                self._later = [*self._later, recording][-len(self.monitor) :]
            elif self.tape.refused >= REFUSALS and not self.monitor:
                self._stop_recording()
            if recording is not None or self.is_due(passed.step):
                self._examine(passed, recording)
            if self.rank_curvature is not None and self._ranks_measure(passed.step):
                able = recording is not None and bool(self.monitor) and self.tape.differentiates
                ready = able and self.budget.affords(CURVATURE.name)
                snapshot, measured = self._snapshot(passed, recording), partial(self._run_probe, CURVATURE, always=True)
                self.rank_curvature.measure(snapshot, ready, measured, self.budget.charging)

    def _stop_recording(self) -> None:
        """Stop recording steps, because too many recordings were refused."""
        self.batches.fix()
        if not self.monitor:
            self.tape.block("no training step could be recorded, so the measurements have nothing to replay")

    def _examine(self, passed: BackwardPass, recording: Recording | None) -> None:
        """Run every measurement that is due at this backward pass and fits into the time budget."""
        complete = bool(self.monitor) and not self._memory.get("complete")
        self._memory["complete"] = bool(self.monitor)
        self.key = passed.key
        # The gradients are left out, so that no copy of them is kept until the end of the run.
        self._last = replace(passed, gradients=())
        is_later = recording is None or passed.step > 0 and not self.is_due(passed.step)
        if not self.probes or self._needs_batches and is_later:
            return
        if self.probed == passed.step and not complete:
            return  # Without optimizer.step(), the step number stays the same.
        self.probed = passed.step
        self._next_probe = next_step(self.asked, passed.step) if self.asked else next_sparse_step(passed.step)
        snapshot, is_early = self._snapshot(passed, recording), self.early.is_due(passed.step)
        if is_early:
            self.early.end()
        self.modes.report(passed.step)
        if passed.optimizer is not None and not any(map(self.is_held, passed.parameters)):
            self.send([Fact.of(facts.NoTrainedParameters(len(passed.parameters)), passed.step, passed.key)])
        is_common = self.rank_curvature is not None and self.rank_curvature.replaces_own_curvature
        for probe in self.probes:
            if probe.at_end or probe is CURVATURE and is_common:
                continue
            if not probe.once or complete or is_early or passed.step == 0 or probe.name in self._owed:
                self._run_probe(probe, snapshot, always=is_early and probe.wiring)
        self.report_costs()

    def finish(self, step: int) -> None:
        """Measure the fixed batches at the final parameters, and report which measurements were skipped for time."""
        self.tape.stop()
        self.batches.fix()
        self._check_wiring_at_end()
        if self._last is not None and self.monitor and self.probes:
            self._measure_at_end(replace(self._snapshot(replace(self._last, step=step), None), is_last=True))
        for name, times in self.budget.refused.items():
            if name in {p.name for p in PROBES}:
                done = self.budget.costs().get(name, (0.0, 0))[1]
                self.note(name, f"skipped {times} of {times + done} times {FOR_TIME}", 0)

    def _check_wiring_at_end(self) -> None:
        """Check the wiring of a watched run now if there was no time for that in its first steps."""
        missing = [p for p in self.probes if p.wiring and p.name not in self.budget.costs()]
        with _disable_current_modes():
            at = self.early.step_to_check(self._last if self.monitor else None) if missing else None
            for probe in missing if at else ():
                self._run_probe(probe, self._snapshot(*at), always=True)  # type: ignore[misc] # `at` is a pair here
        if self.early.delayed and not self.monitor:
            self.note(TAPE, f"only an early step was recorded {FOR_TIME}", 0)

    def _measure_at_end(self, snapshot: Snapshot) -> None:
        """Run the measurements that are made at the end of a run."""
        at_end = (p for p in self.probes if p.at_end or not p.dear and not p.once and p.name != "gradient")
        with _disable_current_modes():
            for probe in at_end:
                self._run_probe(probe, snapshot, always=probe.name == "monitored_loss")
            if self._later:
                self._run_probe(SPREAD, replace(snapshot, monitor=tuple(self._later)), always=True)
            if self.counts_rows:
                self._run_probe(DRAWN, replace(snapshot, monitor=(*self.monitor, *self._later)), always=True)
        self.report_costs()

    def before_step(self, parameters: Sequence[Tensor]) -> None:
        """Copy the parameters before a step, so that the size of the step can be measured after it."""
        if self.budget.affords("update_ratio"):
            with self.budget.charging("update_ratio"):
                self._memory["before_step"] = {id(p): p.detach().clone() for p in parameters}

    def after_step(self, stepper: Stepper) -> None:
        """Measure the size of an optimizer's step relative to that of the parameters, and the modes of the modules."""
        if self.key in (None, stepper.key):
            self.modes.step_ended(stepper.steps)
        if "before_step" not in self._memory:
            return
        with self.budget.charging("update_ratio"):
            try:
                if self._memory["before_step"] and self._last is not None:
                    self.send(list(update_ratio(self._snapshot(self._last, None))))
            finally:
                self._memory.pop("before_step", None)

    def _snapshot(self, passed: BackwardPass, recording: Recording | None) -> Snapshot:
        """Return the `Snapshot` of a backward pass, which the measurement functions receive."""
        return Snapshot(
            passed.step,
            passed.key,
            passed.optimizer,
            passed.parameters,
            self.modules.parameter_names(),
            passed.gradients,
            passed.backwards,
            recording,
            self.monitor,
            self.modules.name,
            self.modules.made_at,
            self._memory,
            lambda products: self.budget.left() > 0,
            self.modules.report_known_site,
            self.is_held,
            self.asked,
            loader=self.loader,
            climbs=self.increases_loss(passed.key),
            has_time=lambda: self.budget.left() > 0 if self.is_strict else not self.budget.is_over,
            report=lambda fact: self.send([fact]),
        )

    def _run_probe(self, probe: Probe, snapshot: Snapshot, *, always: bool = False) -> None:
        """Run a measurement if it fits into the time budget; send its results, or a note why it failed."""
        if probe.differentiates and not self.tape.differentiates:
            return
        if not always and not self.budget.allows(probe.name):
            self._owed.update({probe.name} if probe.once else ())
            return
        self._owed.discard(probe.name)
        with self.budget.charging(probe.name):
            try:
                if not self._send_results(probe, snapshot) and not probe.once:
                    self._failed[probe.name] += 1
            except Unavailable as reason:
                self._count_failure(probe, str(reason), snapshot)
            except Exception as error:
                # A measurement may fail in an unusual script, but it must not end the script.
                self._count_failure(probe, first_line(error), snapshot)

    def _send_results(self, probe: Probe, snapshot: Snapshot) -> bool:
        """Send the results of a measurement, together or (if `piecewise`) one by one; return whether there were any."""
        found = 0
        for messages in ([m] for m in probe.measure(snapshot)) if probe.piecewise else [list(probe.measure(snapshot))]:
            self.send([*messages])
            found += len(messages)
        return found > 0

    def _count_failure(self, probe: Probe, reason: str, snapshot: Snapshot) -> None:
        """Count a failed measurement, and send the reason."""
        self._failed[probe.name] += 1
        self.note(probe.name, reason, snapshot.step)

    def report_costs(self) -> None:
        """Send the seconds that each measurement has used so far, and the number of its calls."""
        costs = self.budget.costs().items()
        self.send([Cost(name, seconds, calls, self._failed[name]) for name, (seconds, calls) in costs])

    def note(self, probe: str, reason: str, step: int) -> None:
        """Send a note why something could not be measured, unless the same note was sent before."""
        if (probe, reason) not in self._noted:
            self._noted.add((probe, reason))
            self.send([Note(probe, reason, step)])
