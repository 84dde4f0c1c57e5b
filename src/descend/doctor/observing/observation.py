"""What observes a run from inside its process: the observer with its probes, its budget and its way out."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf
from typing import Any, ClassVar

from descend.doctor.observing.bare_run import BareRun
from descend.doctor.observing.channel import Channel
from descend.doctor.observing.examiner import Examiner
from descend.doctor.observing.frames import SourceTree
from descend.doctor.observing.modules import Modules
from descend.doctor.observing.observer import Observer
from descend.doctor.observing.together import Together
from descend.doctor.probes import GRADIENTS, PROBES, SHOWN, Snapshot
from descend.doctor.probes.snapshot import Measurement
from descend.doctor.reading.budget import Budget
from descend.doctor.reading.step_times import StepTimes
from descend.doctor.record import Ending
from descend.doctor.sandbox.world import world_of

# Of the time that has passed, for measuring.
SHARES = {"watch": 0.02, "baseline": 0.5, "trial_run": 0.25, "bare": 0.0, "gradcheck": 1.0, "show": inf}


class Observation:
    """One run, observed in its role; `pipes` are where messages go, and those of forked workers.

    `files` is the folder that stands for the root of the file system; "" where the script runs in place. `timed` is as
    `Budget` has it. `lost` is called when nothing can be sent.
    """

    active: ClassVar["Observation | None"] = None  # the one of this process

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
        Observation.active = self
        self.role, self.began = role, began
        self.channel = Channel(*pipes, lost)
        self.budget = Budget(SHARES[role], None if role == "watch" else began, timed=timed)
        self.tree = SourceTree(files)
        self.modules = Modules(self.tree, self.channel.send)
        probes = [p for p in PROBES if role != "trial_run" or p.name == "monitored_loss"]
        probes = [p for p in probes if role != "watch" or not p.for_trials]
        probes = list(GRADIENTS) if role == "gradcheck" else probes
        world = world_of(os.environ) if role == "watch" else None
        follows = world is not None and world.rank > 0  # of all ranks only the first is looked at
        probes = [] if follows else probes
        examiner = Examiner(probes, self.budget, self.modules, self.channel.send)
        examiner.sampling = role == "baseline"
        probing = role in ("watch", "baseline") and not follows
        observer = Observer(examiner, self.modules, self.channel.send, probing=probing, owning=role != "watch")
        if world is not None:
            averages = self.modules.averages_gradients
            examiner.tape.averages = averages
            examiner.together = Together(world.rank, averages, examiner.note)
            observer.curves.times = StepTimes(world.rank, self.channel.send)
        self.watch: Observer | BareRun = observer
        if role == "bare":
            self.watch = BareRun(self.tree)
            if (group := world_of(os.environ)) is not None:
                self.watch.times = StepTimes(group.rank, self.channel.tell_at_once, interval=0.0)

    def look(self, *, stage: int, spread: bool, examples: int, asked: Mapping[str, Any]) -> None:
        """Look at one stage only, as `BareRun.stage` has it; at batches from all over the run; at so many examples.

        `asked`, in the role show: what, and at which steps. In the role bare: that each step is timed.
        """
        if isinstance(self.watch, BareRun):
            self.watch.stage = stage
            if asked:
                self.watch.times = StepTimes(0, self.channel.send, interval=0.0)
            return
        examiner = self.watch.examiner
        examiner.sampling = examiner.sampling or spread
        examiner.most_examples = examples or examiner.most_examples
        if asked:
            probe = SHOWN[asked["what"]]
            examiner.show(replace(probe, measure=_unseen(self.watch, probe.measure)), asked)
            self.watch.curves.times = None if examiner.probes else StepTimes(0, self.channel.send)

    def end(self, reason: str, status: int, error: str) -> None:
        """Take the last measurements and say how the run ended; where it fails in earnest, that comes first."""
        self.watch.finish(measuring=reason != "failed" or self.role != "watch")
        self.send_ending(reason, status, error)

    def send_ending(self, reason: str, status: int, error: str) -> None:
        """Say how the run ended; nothing is sent after it."""
        now, began = time.perf_counter(), self.watch.began
        loop_s = 0.0 if began is None else now - began
        wall_s, weights = now - self.began, self.watch.weights() or ""
        self.channel.send([Ending(reason, status, self.watch.steps, wall_s, loop_s, self.budget.spent, weights, error)])
        self.channel.close()

    def close(self) -> None:
        """Let go of the pipes: another run of this process may be observed."""
        self.channel.hang_up()
        Observation.active = None


def _unseen(observer: Observer, measure: Callable[[Snapshot], Measurement]) -> Callable[[Snapshot], Measurement]:
    """Return a measurement whose own optimizers and backward passes are not taken for the script's."""

    def measured(snapshot: Snapshot) -> Measurement:
        observer.inert = True
        try:
            yield from measure(snapshot)
        finally:
            observer.inert = False

    return measured
