"""Measures a run: keeps the first batches as the fixed examples, then runs the probes on a sparse schedule.

Every probe runs after a backward pass, on the fixed examples, within the budget. A failure becomes a note.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import inf
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

from descend.doctor.observing.fingerprint import random_streams
from descend.doctor.observing.modules import Modules
from descend.doctor.observing.repeats import told_of
from descend.doctor.observing.taping import REFUSALS, Taping, first_line
from descend.doctor.observing.together import Together
from descend.doctor.probes import CURVATURE, PROBES, SPREAD, Probe, Snapshot, Unavailable, update_ratio
from descend.doctor.probes.shown.points import next_step
from descend.doctor.probes.snapshot import forward
from descend.doctor.reading.budget import Budget
from descend.doctor.reading.passes import Pass
from descend.doctor.record import Cost, Fact, Listener, Note, facts
from descend.doctor.tape import Recording

MONITOR_EXAMPLES = 256  # enough that the curve's noise is below what a remedy must gain
MONITOR_BATCHES = 8  # or so many batches, where they hold
LEAST_EXAMPLES = 64  # so many examples,
MOST_BATCHES = 32  # and so many in any case: each is computed again at every probe
GROWTH = 1.35  # each probed step is this much later than the one before


class Examiner:
    """Owns the monitor batches and the probes of one run."""

    def __init__(self, probes: Sequence[Probe], budget: Budget, modules: Modules, send: Listener) -> None:
        self.probes, self.budget, self.modules, self.send = probes, budget, modules, send
        self.tape = Taping(budget, modules, self.note)
        self.sampling, self.most_examples = False, MONITOR_EXAMPLES  # whether later batches are; that are fixed
        self.asked: Mapping[str, Any] = {}  # in a run that is made to show something: what, and at which steps
        self.is_held: Callable[[Tensor], bool] = lambda parameter: False  # whether any optimizer has it
        self.climbs: Callable[[str], bool] = lambda key: False  # whether an optimizer's steps go up the loss
        self.loader: Callable[[str], Any] = lambda number: None  # the script's loader of that number
        self.together: Together | None = None  # with the other ranks of a group that is watched
        self._noted: set[tuple[str, str]] = set()
        self._failed: Counter[str] = Counter()  # calls of each probe that measured nothing
        self.restart()

    def restart(self) -> None:
        """Begin anew: what was looked at was no training yet."""
        self.key: str | None = None  # the one optimizer that is examined: fixed examples have one loss
        self.monitor: tuple[Recording, ...] = ()  # empty until all its batches are there
        self._gathered: list[Recording] = []
        self._examples = self._rows = 0
        self.probed = -1  # the last step that was probed
        self._next_probe: float = 0
        self._memory: dict[str, Any] = {}
        self._owed: set[str] = set()  # probes to be taken once that could not be afforded yet
        self._later: list[Recording] = []  # from all over the run
        self._last: Pass | None = None
        self.tape.restart()

    def show(self, probe: Probe, asked: Mapping[str, Any]) -> None:
        """Take that one probe and no other, at the steps that are asked for and at the end; nothing where none is."""
        self.probes, self.asked = (probe,) if asked["at"] or asked["last"] else (), asked

    # -- the fixed examples

    def wants_tape(self, step: int) -> bool:
        """Whether the coming step should be taped: to fix its examples, or to see what later batches are like."""
        wanted = not self.monitor or self._sampling(step) or self._meets(step)
        return self.looks and self.tape.allowed() and wanted

    def _sampling(self, step: int) -> bool:
        return self.sampling and step >= self._next_probe and self.budget.left() > 0

    def examines(self, key: str, step: int) -> bool:
        """Whether a backward pass of that optimizer is to be looked at."""
        if not self.looks or self.key not in (None, key):
            return False
        opens = (self.tape.runs and not self.monitor) or self._meets(step)
        return opens or bool(self.probes) and not self._gathering and self.is_due(step) and self.budget.left() > 0

    def next_look(self, key: str, step: int) -> float:
        """Return the step of that optimizer that is to be looked at next.

        In somebody's own run one that waits for its budget may wait; ours are short, and every step may afford it.
        """
        if not self.tape.rests:
            return step
        if not self.looks or self.key not in (None, key):
            return inf
        meeting = self.together.next if self.together else inf
        if not self._gathering and not (self.probes and self.is_due(step)):
            return min(meeting, self._next_probe if self.probes else inf)
        affordable = self.tape.allowed() if self._gathering else self.budget.left() > 0
        return step if affordable or not self.budget.is_wary else meeting

    def is_due(self, step: int) -> bool:
        """Whether this step is to be probed."""
        return step >= self._next_probe

    @property
    def looks(self) -> bool:
        """Whether anything is to be measured, by this rank or by all together."""
        return bool(self.probes or self.together)

    def _meets(self, step: int) -> bool:
        return self.together is not None and self.together.is_due(step)

    @property
    def _gathering(self) -> bool:
        return not self.monitor and self.tape.blocked is None

    def look(self, passed: Pass, recording: Recording | None) -> None:
        """Look at a finished backward pass: check its recording, take the probes that are due."""
        with _disable_current_modes():  # a counter of operations of the script's own must not count ours
            if recording is not None and not self.tape.is_faithful(recording, passed):
                recording = None
            passed = passed.of_the_loss(recording)
            if recording is not None and not self.monitor:
                self._keep(recording)
            elif recording is not None:
                self._later = [*self._later, recording][-len(self.monitor) :]
            elif self.tape.refused >= REFUSALS and not self.monitor:
                self._give_up()
            if recording is not None or self.is_due(passed.step):
                self._examine(passed, recording)
            if self.together is not None and self._meets(passed.step):
                able = recording is not None and bool(self.monitor) and self.tape.differentiates
                ready = able and self.budget.affords(CURVATURE.name)
                snapshot, measured = self._snapshot(passed, recording), partial(self._take, CURVATURE, always=True)
                self.together.look(snapshot, ready, measured, self.budget.charging)

    def _keep(self, recording: Recording) -> None:
        self._memory["embeddings"] = self.modules.embeddings()
        self._memory.setdefault("random", random_streams())
        self._gathered.append(recording)
        self._examples, self._rows = self._examples + recording.examples, self._rows + recording.rows
        enough = MONITOR_EXAMPLES if len(self._gathered) < MONITOR_BATCHES else LEAST_EXAMPLES
        if self._examples >= min(enough, self.most_examples) or len(self._gathered) >= MOST_BATCHES:
            self._complete()

    def _give_up(self) -> None:
        self.settle()
        if not self.monitor:
            self.tape.block("no step of the training could be recorded, so none could be replayed")

    def _complete(self) -> None:
        self.monitor = tuple(self._gathered)
        with self.budget.charging("monitor"):
            held = *told_of([forward(r, evaluation=True) for r in self.monitor]), self._rows, self._memory["random"]
        draws = tuple(mode for mode in (False, True) if any(r.draws(evaluation=mode) for r in self.monitor))
        self.send([Fact.of(facts.Monitor(len(self.monitor), draws, self._examples, *held), 0)])

    def settle(self) -> None:
        """Make do with the batches that there are, when the run ends early or no more can be taped."""
        if not self.monitor and self._gathered:
            self._complete()

    # -- the probes

    def _examine(self, passed: Pass, recording: Recording | None) -> None:
        """Take every probe that is due and affordable."""
        complete = bool(self.monitor) and not self._memory.get("complete")
        self._memory["complete"] = bool(self.monitor)
        self.key = passed.key
        self._last = replace(passed, gradients=())  # what is kept until the end holds no copy of every gradient
        if (
            not self.probes
            or self._gathering
            and (recording is None or passed.step > 0 and not self.is_due(passed.step))
        ):
            return
        if self.probed == passed.step and not complete:
            return  # a script that never steps
        self.probed = passed.step
        self._next_probe = self._after(passed.step)
        snapshot = self._snapshot(passed, recording)
        modes = facts.Modes(tuple(self.modules.idle_switches()), tuple(self.modules.unfit_statistics()))
        self.send([Fact.of(modes, passed.step)])
        if passed.optimizer is not None and not any(map(self.is_held, passed.parameters)):
            self.send([Fact.of(facts.Lost(len(passed.parameters)), passed.step, passed.key)])
        left = CURVATURE if self.together is not None and self.together.replaces else None  # to all ranks together
        for probe in self.probes:
            if probe is left or probe.at_end:
                continue
            if not probe.once or complete or passed.step == 0 or probe.name in self._owed:
                self._take(probe, snapshot)
        self.report_costs()

    def _after(self, step: int) -> float:
        """Return the next step to be probed."""
        if self.asked:
            return next_step(self.asked, step)
        return max(step + 1, int(step * GROWTH + 0.999))

    def finish(self, step: int) -> None:
        """Measure the fixed examples at the final parameters, and say what could not be afforded."""
        self.tape.stop()
        self.settle()
        if self._last is not None and self.monitor and self.probes:
            self._measure_at_end(replace(self._snapshot(replace(self._last, step=step), None), is_last=True))
        for name, times in self.budget.refused.items():
            if name in {p.name for p in PROBES}:
                done = self.budget.costs().get(name, (0.0, 0))[1]
                self.note(name, f"left out {times} of {times + done} times to stay within the time budget", 0)

    def _measure_at_end(self, snapshot: Snapshot) -> None:
        with _disable_current_modes():
            for probe in self.probes:
                if probe.at_end or not probe.dear and not probe.once and probe.name != "gradient":
                    self._take(probe, snapshot, always=probe.name == "monitored_loss")
            if self._later:
                self._take(SPREAD, replace(snapshot, monitor=tuple(self._later)), always=True)
        self.report_costs()

    def before_step(self, parameters: Sequence[Tensor]) -> None:
        """Keep the parameters' values for the update ratio of the coming step."""
        if self.budget.affords("update_ratio"):
            with self.budget.charging("update_ratio"):
                self._memory["before_step"] = {id(p): p.detach().clone() for p in parameters}

    def after_step(self) -> None:
        """Measure how far the step moved the parameters."""
        if "before_step" not in self._memory:
            return
        with self.budget.charging("update_ratio"):
            try:
                if self._memory["before_step"] and self._last is not None:
                    self.send(list(update_ratio(self._snapshot(self._last, None))))
            finally:
                self._memory.pop("before_step", None)

    def _snapshot(self, passed: Pass, recording: Recording | None) -> Snapshot:
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
            self.modules.note_known,
            self.is_held,
            self.asked,
            loader=self.loader,
            climbs=self.climbs(passed.key),
        )

    def _take(self, probe: Probe, snapshot: Snapshot, *, always: bool = False) -> None:
        if probe.differentiates and not self.tape.differentiates:
            return
        if not always and not self.budget.allows(probe.name):
            self._owed.update({probe.name} if probe.once else ())
            return
        self._owed.discard(probe.name)
        with self.budget.charging(probe.name):
            try:
                if not self._sent(probe, snapshot) and not probe.once:  # which may have found nothing to tell
                    self._failed[probe.name] += 1
            except Unavailable as reason:
                self._fail(probe, str(reason), snapshot)
            except Exception as error:
                # A probe that fails on somebody's unusual script must not take the script down with it.
                self._fail(probe, first_line(error), snapshot)

    def _sent(self, probe: Probe, snapshot: Snapshot) -> bool:
        """Send what a probe measures, one by one or all or nothing; return whether it has measured anything."""
        found = 0
        for messages in ([m] for m in probe.measure(snapshot)) if probe.piecewise else [list(probe.measure(snapshot))]:
            self.send([*messages])
            found += len(messages)
        return found > 0

    def _fail(self, probe: Probe, reason: str, snapshot: Snapshot) -> None:
        self._failed[probe.name] += 1
        self.note(probe.name, reason, snapshot.step)

    # -- what is said of it

    def report_costs(self) -> None:
        """Send what each probe has cost so far."""
        costs = self.budget.costs().items()
        self.send([Cost(name, seconds, calls, self._failed[name]) for name, (seconds, calls) in costs])

    def note(self, probe: str, reason: str, step: int) -> None:
        """Send once why something could not be measured."""
        if (probe, reason) not in self._noted:
            self._noted.add((probe, reason))
            self.send([Note(probe, reason, step)])
