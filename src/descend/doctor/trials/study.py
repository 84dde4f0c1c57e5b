"""Runs of a script beside its baseline: one process each, the same threads, the same window."""

import threading
from collections.abc import Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import isfinite

from descend.doctor.course.objective import climbs_gain
from descend.doctor.record import Ending, Message, Reading, Record, facts
from descend.doctor.record.keeping import keep
from descend.doctor.run.launch import new_record, run
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.doctor.trials.run_context import RunContext
from descend.doctor.trials.trial import edit_of
from descend.ground.bound import Bound
from descend.ground.interruption import Interruption

HOPELESS_AFTER = Bound(0.3, "of the window", "chosen: before that a slow start proves nothing")
LONGEST_S = Bound(
    30.0,
    "seconds",
    "chosen: a trial runs as many steps as the baseline did; one that takes longer for them hangs, if that was quick",
)
SLOWER = Bound(
    20.0, "times the baseline's time", "chosen: a trial run that takes longer hangs, however slow the baseline was"
)
NEARLY = Bound(0.9, "of the steps", "chosen: a batch size that does not divide the examples leaves some of them out")
HOPELESS = Bound(
    3.0,
    "times the unchanged script's yardstick at the same step",
    "chosen: a trial run so far behind is not waited for",
)

Unchanged = dict[tuple[int, int, bool], Record]  # the unchanged script's runs: seed, steps, with batches from all over


@dataclass(frozen=True)
class Job:
    """One trial run to run: a script under a seed offset for a number of steps."""

    script: Script
    seed: int
    steps: int
    baseline: Record | None = None  # whose curve a trial run must keep up with
    role: str = "trial_run"
    spread: bool = False  # whether batches from all over the run are to be judged, too
    seconds: float | None = None  # of training; a multiple of the baseline's where none are given
    trains: bool = True  # whether its steps move the parameters


class _Ended(Exception):
    """Ends a trial run early."""


@dataclass(frozen=True)
class Study:
    """A script, its baseline run, and the trial runs that are made for it; the unchanged script's are kept."""

    script: Script
    baseline: Record
    plan: Plan
    context: RunContext
    unchanged: Unchanged = field(default_factory=dict, compare=False)
    examined: dict[Hashable, Record] = field(default_factory=dict, compare=False)  # edit -> its observed run

    @property
    def _plan(self) -> Plan:
        """The plan of a trial run: with as many fixed examples as the baseline has."""
        monitor = self.baseline.fact(facts.Monitor)
        return replace(self.plan, examples=monitor.examples if monitor else 0)

    @property
    def _longest_s(self) -> float:
        """For how many seconds a trial run may train before it is said to hang."""
        ending = self.baseline.ending
        return max(LONGEST_S, SLOWER * ending.wall_s if ending else 0.0)

    def _has_failed_alike(self, ending: Ending) -> bool:
        """Whether a run has failed as the baseline has, behind its training: that is no failure of a change."""
        return self.baseline.ending is not None and fails_alike(ending, self.baseline.ending)

    def of(self, script: Script, baseline: Record) -> "Study":
        """Return the study of another script with its own baseline, as an edited one."""
        return replace(self, script=script, baseline=baseline, unchanged={}, examined={})

    def examine(self, script: Script) -> Record:
        """Return the record of an edited script, observed once as the baseline was. Ctrl-C there ends the trials."""
        edit = edit_of(script)
        if edit not in self.examined:
            record = self.context.observe(script, self.plan, self.baseline.run)
            if record.ending is not None and record.ending.reason == "interrupted":
                raise Interruption(record.ending.status)
            self.examined[edit] = record
        return self.examined[edit]

    def one_by_one(self) -> "Study":
        """Return the same study on this machine, one run at a time, to be timed."""
        context = replace(self.context, cluster=None)
        return replace(self, plan=replace(self.plan, jobs=1), context=context)

    def run(self, jobs: Sequence[Job]) -> list[Record]:
        """Run every job, as many at a time as the plan says, and return their records in order.

        Raises `Changed` where what they read has changed since the baseline.
        """
        self.context.elsewhere.check()
        stop = threading.Event()
        records = [
            new_record(job.script, replace(self._plan, role="trial_run", seed=job.seed), self.baseline.run)
            for job in jobs
        ]
        for record in records:
            self.context.show(record, [])  # announced, before it begins
        with ThreadPoolExecutor(self.context.cluster.slots if self.context.cluster else self.plan.jobs) as pool:
            futures = [pool.submit(self._run_one, job, record, stop) for job, record in zip(jobs, records)]
            try:
                return [future.result() for future in futures]
            except BaseException:
                stop.set()
                for future in futures:
                    future.cancel()
                raise

    def _run_one(self, job: Job, record: Record, stop: threading.Event) -> Record:
        """Run one job; a trial run that falls hopelessly behind its baseline is ended early."""
        seconds = self._longest_s if job.seconds is None else job.seconds
        plan = replace(self._plan.fixed_at(job.steps), role=job.role, seed=job.seed, spread=job.spread)
        plan = replace(plan, seconds=seconds, trains=job.trains)
        plan = replace(plan, patience=self._longest_s)  # one that takes no step at all hangs, too

        def listen(messages: list[Message]) -> None:
            self.context.take(record, messages)
            if stop.is_set() or any(_is_hopeless(m, job) for m in messages if isinstance(m, Reading)):
                raise _Ended

        with suppress(_Ended):
            if self.context.cluster:
                self.context.cluster.run(job.script, plan, record, listen, self.context.elsewhere.files)
            else:
                run(job.script, plan, record, listen, self.context.server if job.role == "trial_run" else None)
        ending = record.ending
        if ending is None:
            self.context.show(record, [Ending("given up", 0, record.steps)])
        if job.seconds is None and ending and ending.reason == "window" and ending.loop_s >= seconds:
            error = (
                f"stopped after {ending.loop_s:.0f} s of training: it hangs, or is far slower than the script as it is"
            )
            record.ending = replace(ending, reason="failed", error=error)
        if ending and self._has_failed_alike(ending) and record.steps >= NEARLY * job.steps:
            record.ending = replace(ending, reason="finished")
        self.context.elsewhere.check()
        if not stop.is_set() and job.role == "trial_run":
            keep(self.context.store, record)
        return record


def fails_alike(ending: Ending, other: Ending) -> bool:
    """Tell whether two runs have failed, and say the same of why."""
    said = [(e.reason, e.status, (e.error.strip().splitlines() or [""])[-1]) for e in (ending, other)]
    return ending.reason == "failed" and said[0] == said[1]


def _is_hopeless(reading: Reading, job: Job) -> bool:
    if reading.name == "loss" and not isfinite(reading.value):
        return True
    if reading.name != "yardstick" or job.baseline is None or reading.step < HOPELESS_AFTER * job.steps:
        return False
    if reading.place == "loss" and climbs_gain(job.baseline):
        return False  # the more the better
    known = [v for s, v in job.baseline.series("yardstick", reading.place) if s <= reading.step]
    return bool(known) and isfinite(known[-1]) and reading.value > HOPELESS * max(known) > 0
