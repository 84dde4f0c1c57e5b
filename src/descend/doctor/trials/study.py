"""Run trials of a script: one process each, with the threads and the observation window of the baseline run."""

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import isfinite, isinf

from descend.core.bound import Bound
from descend.core.interruption import Interruption
from descend.doctor.assess.objective import maximises_on_purpose
from descend.doctor.execution.launch import new_record, run
from descend.doctor.record import Ending, Message, Reading, Record, facts
from descend.doctor.record.recording import store_record
from descend.doctor.script.plan import Plan
from descend.doctor.script.run_names import EndReason, Role
from descend.doctor.script.script import Script
from descend.doctor.trials.run_context import RunContext
from descend.doctor.trials.run_times import OutOfTime, RunTimes, observed_steps, seconds_together
from descend.doctor.trials.trial import edit_key

HOPELESS_AFTER = Bound(
    0.3, "share of the observation window", "chosen: an earlier comparison could stop a run that merely starts slowly"
)
LONGEST_S = Bound(
    30.0,
    "seconds of training",
    "chosen: if the baseline run is short, a trial with as many steps that takes longer than this must be hanging",
)
SLOWER = Bound(20.0, "multiple of the baseline's duration", "chosen: a trial run that takes longer must be hanging")
NEARLY = Bound(
    0.9,
    "share of the planned steps",
    "chosen: if the batch size does not divide the number of examples, a run may make fewer steps",
)
HOPELESS = Bound(
    3.0,
    "multiple of the unchanged script's largest cost up to the same step",
    "chosen: a trial run with a higher cost is stopped early",
)

TO_THE_END = 10**9  # number of steps that no script reaches: the run ends with the script

# (seed, number of steps, whether the metric uses batches from the whole run) -> run of the unchanged script
Unchanged = dict[tuple[int, int, bool], Record]


@dataclass(frozen=True)
class Job:
    """A trial run that has to be made: a script, a seed and a number of steps."""

    script: Script
    seed: int
    steps: int  # largest number of steps, or `TO_THE_END`
    baseline: Record | None = None  # baseline run; if the cost is far above its cost, the run is stopped early
    role: str = "trial_run"
    spread: bool = False  # whether the metric is also computed on batches from all parts of the run
    seconds: float | None = None  # largest number of seconds of training; None for a multiple of the baseline's
    trains: bool = True  # False if the optimizer steps must not change the parameters
    stop_if: Callable[[Reading, Record], bool] = lambda reading, record: False  # called with each new reading
    on_end: Callable[[Record], None] = lambda record: None  # called when the record of the run is stored


class _StoppedEarly(Exception):
    """Raised inside a trial run to stop it before its end."""


@dataclass(frozen=True, repr=False)
class Study:
    """A script and its baseline run, with methods that run trials of edited scripts.

    Runs of the unchanged script on fresh seeds, and observed runs of edited scripts, are kept and used again.
    """

    script: Script
    baseline: Record
    plan: Plan
    context: RunContext
    unchanged: Unchanged = field(default_factory=dict, compare=False)
    examined: dict[Hashable, Record] = field(default_factory=dict, compare=False)  # edited source -> its observed run
    # edited source -> its run that includes the output after the last step
    completed: dict[Hashable, Record] = field(default_factory=dict, compare=False)
    times: RunTimes = field(default_factory=RunTimes, compare=False)

    def __repr__(self) -> str:
        return f"<Study of {self.script.path.name} with baseline run {self.baseline.run}>"

    @property
    def _trial_plan(self) -> Plan:
        """The settings of a trial run. It has as many fixed training examples as the baseline run."""
        monitor = self.baseline.fact(facts.Monitor)
        return replace(self.plan, examples=monitor.examples if monitor else 0)

    @property
    def _time_limit_s(self) -> float:
        """The number of seconds after which the training of a trial run is considered to hang."""
        ending = self.baseline.ending
        return max(LONGEST_S, SLOWER * ending.wall_s if ending else 0.0)

    def _has_baseline_failure(self, ending: Ending) -> bool:
        """Return whether a run failed with the same error as the baseline run, so that the edit is not the cause."""
        return self.baseline.ending is not None and have_same_failure(ending, self.baseline.ending)

    def for_script(self, script: Script, baseline: Record) -> "Study":
        """Return a study of another script, for example an edited one, with its own baseline run."""
        return replace(self, script=script, baseline=baseline, unchanged={}, examined={}, completed={})

    def observe_once(self, script: Script) -> Record:
        """Run an edited script once with all measurements, unless it has already run, and return its record.

        Raise `Interruption` if the run is interrupted, for example by Ctrl-C, and `OutOfTime` if it would not end or
        has not ended before the deadline.
        """
        edit = edit_key(script)
        if edit not in self.examined:
            ending = self.baseline.ending
            self._require_time(self.context.deadline.fits(ending.wall_s if ending else 0.0))
            record = self.context.observe(script, self.plan, self.baseline.run)
            self._require_time(not self.context.deadline.is_over)
            if record.ending is not None and record.ending.reason == EndReason.INTERRUPTED:
                raise Interruption(record.ending.status)
            self.examined[edit] = record
        return self.examined[edit]

    def sequential(self) -> "Study":
        """Return the study with only one run at a time on this machine, so that the time of steps can be measured."""
        context = replace(self.context, cluster=None)
        return replace(self, plan=replace(self.plan, jobs=1), context=context)

    def run(self, jobs: Sequence[Job]) -> list[Record]:
        """Run all jobs, as many in parallel as the plan allows, and return their records in order.

        Raises `ExternalFileChanged` if a file that the runs read has changed since the baseline, and `OutOfTime` if
        the runs would not end or have not all ended before the deadline.
        """
        self.context.external_files.check()
        self._require_time(self.has_time_for(jobs))
        stop = threading.Event()
        records = [
            new_record(job.script, replace(self._trial_plan, role="trial_run", seed=job.seed), self.baseline.run)
            for job in jobs
        ]
        for record in records:
            self.context.show(record, [])  # Show the run on the display before it begins.
        with ThreadPoolExecutor(self.slots) as pool:
            futures = [pool.submit(self._run_one, job, record, stop) for job, record in zip(jobs, records)]
            try:
                ran = [future.result() for future in futures]
                self._require_time(not any(map(self._was_cut_off, jobs, ran)))
                return ran
            except BaseException:
                stop.set()
                for future in futures:
                    future.cancel()
                raise

    def run_in_time(self, jobs: Sequence[Job], *, before_proof: bool = False) -> list[Record | None]:
        """Run jobs in order until the deadline is near; return their records, and None for each job that was left out.

        Time is left for a proof if one is possible at all. before_proof: whether that also applies if no job could be
        run then.
        """
        if isinf(self.context.deadline.at):
            return [*self.run(jobs)]
        records: list[Record | None] = []
        with_proof = before_proof or self.has_time_for(jobs[: self.slots], with_proof=True)
        with suppress(OutOfTime):
            while len(records) < len(jobs):
                group = jobs[len(records) : len(records) + self.slots]
                self._require_time(self.has_time_for(group, with_proof=with_proof))
                records += self.run(group)
        return records + [None] * (len(jobs) - len(records))

    def has_time_for(self, jobs: Sequence[Job], *, with_proof: bool = False) -> bool:
        """Return whether jobs would end before the deadline. with_proof: whether a proof has to be possible after."""
        if isinf(self.context.deadline.at):
            return True
        each_s = [self._predict_s(self._step_count(job)) for job in jobs]
        limited_s = [each if job.seconds is None else min(each, job.seconds) for job, each in zip(jobs, each_s)]
        proof_s = self.plan.proof_length * self._predict_s(self._baseline_steps) if with_proof else 0.0
        return self.context.deadline.fits(seconds_together(limited_s, self.slots) + proof_s)

    def require_time_for_a_run(self) -> None:
        """Raise `OutOfTime` if no further trial run would end before the deadline."""
        self._require_time(self.has_time_for([Job(self.script, self.baseline.seed, self.baseline.steps)]))

    def _require_time(self, is_enough: bool) -> None:
        """Raise `OutOfTime`, and remember that something was left out, unless the time is enough."""
        if not is_enough:
            self.times.ran_out = True
            raise OutOfTime

    @property
    def run_s(self) -> float:
        """The predicted seconds of a run with as many steps as the baseline."""
        return self._predict_s(self._baseline_steps)

    @property
    def _baseline_s(self) -> float:
        """The seconds of the baseline run without measurements and, if trials are forked, without loading torch."""
        ending, started = self.baseline.ending, self.baseline.fact(facts.ScriptStarted)
        is_forked = self.context.server is not None and not self.context.server.has_failed
        loading_s = started.after_s if started is not None and is_forked else 0.0
        return max(0.0, ending.wall_s - ending.probe_s - loading_s) if ending else 0.0

    @property
    def slots(self) -> int:
        """The number of trial runs that run at the same time."""
        return self.context.cluster.slots if self.context.cluster else self.plan.jobs

    @property
    def _baseline_steps(self) -> int:
        """The number of steps of the baseline run, at least 1."""
        return max(1, observed_steps(self.baseline))

    def _predict_s(self, steps: int) -> float:
        """Return the predicted seconds of a trial run with this many steps."""
        return self.times.predict(steps, self._baseline_s / self._baseline_steps)

    def _step_count(self, job: Job) -> int:
        """Return the number of steps by which the duration of a job is predicted, at least the baseline's.

        A run up to the script's end has as many steps as the baseline if that ended by itself.
        """
        ending = self.baseline.ending
        is_whole = job.steps == TO_THE_END and ending is not None and ending.reason == EndReason.FINISHED
        return self._baseline_steps if is_whole else max(self._baseline_steps, job.steps)

    def _was_cut_off(self, job: Job, record: Record) -> bool:
        """Return whether a run did not end by itself before the deadline."""
        has_failed = record.ending is not None and record.ending.has_failed
        return self.context.deadline.is_over and not (has_failed or _is_complete(record, job))

    def _run_one(self, job: Job, record: Record, stop: threading.Event) -> Record:
        """Run one job and return its record. Stop the run early if its cost is much higher than the baseline's."""
        seconds = self._time_limit_s if job.seconds is None else job.seconds
        plan = replace(self._trial_plan.with_fixed_steps(job.steps), role=job.role, seed=job.seed, spread=job.spread)
        # A run that never makes a step counts as hanging, too.
        plan = replace(plan, seconds=seconds, trains=job.trains, patience=self._time_limit_s)

        def listen(messages: list[Message]) -> None:
            """Show the messages of the run. Stop the run if its cost is too high or all trials have to stop."""
            self.context.receive(record, messages)
            readings = (m for m in messages if isinstance(m, Reading))
            should_stop = any(_is_hopeless(reading, job, plan) or job.stop_if(reading, record) for reading in readings)
            if should_stop or stop.is_set() or self.context.deadline.is_over:
                raise _StoppedEarly

        began = time.monotonic()
        with suppress(_StoppedEarly):
            if self.context.cluster:
                self.context.cluster.run(job.script, plan, record, listen, self.context.external_files.files)
            else:
                run(job.script, plan, record, listen, self.context.server if job.role == Role.TRIAL_RUN else None)
        ran_s, ending = time.monotonic() - began, record.ending
        if ending is None:
            self.context.show(record, [Ending("given up", 0, record.steps)])
        if job.seconds is None and ending and ending.reason == EndReason.WINDOW and ending.loop_s >= seconds:
            error = (
                f"stopped after {ending.loop_s:.0f} s of training: it hangs or is much slower than the unchanged script"
            )
            record.ending = replace(ending, reason=EndReason.FAILED, error=error)
        if ending and self._has_baseline_failure(ending) and record.steps >= NEARLY * job.steps:
            record.ending = replace(ending, reason="finished")
        if job.role == Role.TRIAL_RUN and _is_complete(record, job):
            self.times.add(ran_s, self._step_count(job))
        self.context.external_files.check()
        if not stop.is_set() and job.role == Role.TRIAL_RUN:
            store_record(self.context.store, record)
        if not stop.is_set() and not self._was_cut_off(job, record):
            job.on_end(record)
        return record


def _is_complete(record: Record, job: Job) -> bool:
    """Return whether a run has finished, or has taken nearly all of its planned steps."""
    if record.ending is None:
        return False
    is_long = record.ending.reason == EndReason.WINDOW and observed_steps(record) >= NEARLY * job.steps
    return record.ending.reason == EndReason.FINISHED or is_long


def have_same_failure(ending: Ending, other: Ending) -> bool:
    """Return whether both runs failed, and with the same error."""
    failures = [(e.reason, e.status, (e.error.strip().splitlines() or [""])[-1]) for e in (ending, other)]
    return ending.reason == EndReason.FAILED and failures[0] == failures[1]


def _is_hopeless(reading: Reading, job: Job, plan: Plan) -> bool:
    """Return whether a loss is infinite or NaN, or a cost is far above all baseline costs up to the same step."""
    if reading.is_diverged_loss:
        return not plan.judged_by_log
    if reading.name != "metric" or job.baseline is None or reading.step < HOPELESS_AFTER * job.steps:
        return False
    if reading.place == "loss" and maximises_on_purpose(job.baseline):
        return False  # A loss that the script maximises should become large.
    known = [v for s, v in job.baseline.series("metric", reading.place) if s <= reading.step]
    return bool(known) and isfinite(known[-1]) and reading.value > HOPELESS * max(known) > 0
