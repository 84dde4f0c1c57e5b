"""Set up the observation of one run in its own process: observer, probes, time budget and pipes."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf
from typing import Any, ClassVar

from descend.core.bound import Bound
from descend.doctor.instrumentation.channel import Channel
from descend.doctor.instrumentation.fingerprints import fingerprint_of_modules
from descend.doctor.instrumentation.frames import SourceTree
from descend.doctor.instrumentation.modules import Modules
from descend.doctor.instrumentation.observer import Observer
from descend.doctor.instrumentation.peak_memory import peak_memory
from descend.doctor.instrumentation.probe_runner import ProbeRunner
from descend.doctor.instrumentation.rank_curvature import RankCurvature
from descend.doctor.instrumentation.step_counter import StepCounter
from descend.doctor.instrumentation.steps.budget import Budget
from descend.doctor.instrumentation.steps.step_times import StepTimes
from descend.doctor.measure import GRADIENTS, PROBES, SHOWN, Snapshot
from descend.doctor.measure.snapshot import Measurement
from descend.doctor.record import Ending, Fact, facts
from descend.doctor.sandbox.world import read_world
from descend.doctor.script.run_names import EndReason, Role

QUICK_SHARE = Bound(
    0.3,
    "share of the elapsed time that measurements may use in a baseline run without trials",
    "arithmetic: the run then takes at most 1 / (1 − 0.3) = 1.43 times the script's time, and the rest of twice that "
    "time is for start and report; measured on four programs of clinic/sick: --quick takes 0.9 to 1.8 times the time",
)
# role of a run -> share of the elapsed time that measurements may use
SHARES = {"watch": 0.02, "baseline": 0.5, "trial_run": 0.25, "bare": 0.0, "gradcheck": 1.0, "show": inf}


class RunObservation:
    """Observes one training run. `pipes` has two file descriptors, for messages of the run and of forked workers.

    `files` replaces the root of the file system for a script in a scratch copy; "" without a copy. `timed`: see
    `Budget`. `lost` is called if messages cannot be sent any more.
    """

    active: ClassVar["RunObservation | None"] = None  # the observation of the current run of this process

    def __init__(
        self,
        role: str,
        pipes: tuple[int, int],
        began: float,
        *,
        files: str = "",
        timed: bool = True,
        lost: Callable[[OSError], None] = lambda error: None,
    ) -> None:
        RunObservation.active = self
        self.role, self.began = role, began
        self.channel = Channel(*pipes, lost)
        self.is_compared = False  # whether the run is compared as a whole, see `Plan`
        self.measures_once = False  # whether each measurement is made once, at the first steps
        self.budget = Budget(SHARES[role], None if role == Role.WATCH else began, timed=timed)
        self.tree = SourceTree(files)
        self.modules = Modules(self.tree, self.channel.send)
        probes = [p for p in PROBES if role != Role.TRIAL_RUN or p.name == "monitored_loss"]
        probes = [p for p in probes if role != Role.WATCH or not p.for_trials]
        probes = list(GRADIENTS) if role == Role.GRADCHECK else probes
        world = read_world(os.environ) if role == Role.WATCH else None
        follows = world is not None and world.rank > 0  # In a process group, only rank 0 runs probes.
        probes = [] if follows else probes
        probe_runner = ProbeRunner(probes, self.budget, self.modules, self.channel.send)
        probe_runner.sampling = probe_runner.counts_rows = role == Role.BASELINE
        probing = role in (Role.WATCH, Role.BASELINE) and not follows
        observer = Observer(probe_runner, self.modules, self.channel.send, probing=probing, owns_run=role != Role.WATCH)
        if world is not None:
            self.modules.find_data_parallel()
            averages = self.modules.averages_gradients
            probe_runner.tape.averages = averages
            probe_runner.rank_curvature = RankCurvature(world.rank, averages, probe_runner.note)
            observer.curves.times = StepTimes(world.rank, self.channel.send)
        self.observer: Observer | StepCounter = observer
        if role == Role.BARE:
            self.observer = StepCounter(self.tree)
            if (group := read_world(os.environ)) is not None:
                self.observer.times = StepTimes(group.rank, self.channel.send_immediately, interval=0.0)

    def configure(self, *, stage: int, spread: bool, examples: int, asked: Mapping[str, Any]) -> None:
        """Set which training stage, batches and examples to measure; see `StepCounter` for `stage`.

        The mapping says what `descend show` measures and at which steps. If it is not empty, a baseline run is timed.
        """
        if isinstance(self.observer, StepCounter):
            self.observer.stage = stage
            if asked:
                self.observer.times = StepTimes(0, self.channel.send, interval=0.0)
            return
        probe_runner = self.observer.probe_runner
        probe_runner.sampling = probe_runner.sampling or spread
        probe_runner.batches.most_examples = examples or probe_runner.batches.most_examples
        if self.is_compared and self.role == Role.TRIAL_RUN:
            probe_runner.probes = (*probe_runner.probes, *(probe for probe in PROBES if probe.name == "leak"))
        if self.measures_once:
            probe_runner.probes = tuple(replace(probe, once=True) for probe in probe_runner.probes)
        if asked:
            probe = SHOWN[asked["what"]]
            probe_runner.use_probe(replace(probe, measure=_disable_observer(self.observer, probe.measure)), asked)
            self.observer.curves.times = None if probe_runner.probes else StepTimes(0, self.channel.send)

    def limit_measurements(self, *, quick: bool, until: float) -> None:
        """Limit the time of measurements. quick: whether no trials follow. until: time of the clock; see `Budget`."""
        if isinstance(self.observer, StepCounter):
            return
        if quick:
            probe_runner = self.observer.probe_runner
            probe_runner.is_strict = True
            self.budget.share = QUICK_SHARE
            probe_runner.sampling = False  # Only trials are compared on later batches.
        if self.budget.is_timed:
            self.budget.until = until

    def end(self, reason: str, status: int, error: str) -> None:
        """Make the last measurements, except in a failed run of the user, and send how the run ended."""
        if reason == EndReason.INTERRUPTED and isinstance(self.observer, Observer):
            self.observer.probe_runner.early.interrupt()
        self.observer.finish(measuring=reason != EndReason.FAILED or self.role != Role.WATCH)
        self.send_ending(reason, status, error)

    def send_ending(self, reason: str, status: int, error: str) -> None:
        """Send how the run ended, as the last message of the run."""
        now, began = time.perf_counter(), self.observer.began
        loop_s = 0.0 if began is None else now - began
        if self.role in (Role.BASELINE, Role.TRIAL_RUN):
            self.channel.send([Fact.of(peak_memory(), self.observer.steps)])
        if self.is_compared:
            self.channel.send([Fact.of(facts.FinalState(fingerprint_of_modules()), self.observer.steps)])
        wall_s, weights = now - self.began, self.observer.weights() or ""
        self.channel.send(
            [Ending(reason, status, self.observer.steps, wall_s, loop_s, self.budget.spent, weights, error)]
        )
        self.channel.close()

    def close(self) -> None:
        """Close the pipes, so that another training run in this process can be observed."""
        self.channel.close_pipes()
        RunObservation.active = None


def _disable_observer(
    observer: Observer, measure: Callable[[Snapshot], Measurement]
) -> Callable[[Snapshot], Measurement]:
    """Wrap a measurement so that the observer ignores its backward passes, which are not the script's."""

    def measure_unobserved(snapshot: Snapshot) -> Measurement:
        """Run the measurement while the observer is disabled."""
        observer.is_disabled = True
        try:
            yield from measure(snapshot)
        finally:
            observer.is_disabled = False

    return measure_unobserved
