"""Runs trial runs side by side: one process each, the same threads, the same window."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import isfinite
from statistics import fmean

from descend.doctor.course.opponents import has_exploded, has_opponents
from descend.doctor.course.own_metric import inverse_gain, own_metric
from descend.doctor.record import Ending, Message, Reading, Record, Series, facts
from descend.doctor.remedies import JudgedOn
from descend.doctor.run.forking import ForkServer
from descend.doctor.run.launch import new_record, run
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.doctor.trials.cluster import Cluster
from descend.doctor.trials.elsewhere import Elsewhere
from descend.ground.bound import Bound, Count

HOPELESS_AFTER = Bound(0.3, "of the window", "chosen: before that a slow start proves nothing")
LONGEST_S = Bound(
    30.0,
    "seconds",
    "chosen: a trial runs as many steps as the baseline did; one that takes longer for them hangs, if that was quick",
)
SLOWER = Bound(
    20.0, "times the baseline's time", "chosen: a trial run that takes longer hangs, however slow the baseline was"
)
EVALUATIONS = Count(3, "last evaluations, of three times as many, that are averaged", "chosen: one alone is noisy")
LAST = Bound(0.1, "of the training losses, the last ones, that are averaged", "chosen: one alone is noisy")
YARDSTICKS: dict[JudgedOn, str] = {
    "fixed": "yardstick",
    "spread": "spread_yardstick",
    "held_out": "evaluation_loss",
    "training": "loss",
    "median": "median_error",
    "metric": "own_number",
    "nothing": "",
    "time": "step_seconds",
}
NEARLY = Bound(0.9, "of the steps", "chosen: a batch size that does not divide the examples leaves some of them out")
HOPELESS = Bound(
    3.0,
    "times the unchanged script's yardstick at the same step",
    "chosen: a trial run so far behind is not waited for",
)

Keep = Callable[[Record], object]
Show = Callable[[Record, list[Message]], None]


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
class Bench:
    """Where trial runs are run: the plan they share, the baseline they belong to, and who keeps their records."""

    plan: Plan
    parent: int
    keep: Keep
    show: Show = lambda record, messages: None
    longest_s: float = LONGEST_S
    server: ForkServer | None = None  # forks the trial runs; what runs under plain python is started by itself
    failing: Ending | None = (
        None  # how the baseline has failed behind its training: a trial run that ends so has not failed
    )
    elsewhere: Elsewhere = field(default_factory=Elsewhere)
    cluster: Cluster | None = None  # where the trial runs are run, if not here

    def run(self, jobs: Sequence[Job]) -> list[Record]:
        """Run every job, as many at a time as the plan says, and return their records in order.

        Raises `Changed` where what they read has changed since the baseline.
        """
        self.elsewhere.check()
        stop = threading.Event()
        records = [
            new_record(job.script, replace(self.plan, role="trial_run", seed=job.seed), self.parent) for job in jobs
        ]
        for record in records:
            self.show(record, [])  # announced, before it begins
        with ThreadPoolExecutor(self.cluster.slots if self.cluster else self.plan.jobs) as pool:
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
        seconds = self.longest_s if job.seconds is None else job.seconds
        trial_run = replace(
            self.plan.fixed_at(job.steps), seconds=seconds, role=job.role, seed=job.seed, spread=job.spread
        )
        trial_run = replace(trial_run, trains=job.trains)
        trial_run = replace(trial_run, patience=self.longest_s)  # one that takes no step at all hangs, too

        def listen(messages: list[Message]) -> None:
            self.elsewhere.take(messages)
            self.show(record, messages)
            if stop.is_set() or any(_is_hopeless(m, job) for m in messages if isinstance(m, Reading)):
                raise _Ended

        with suppress(_Ended):
            if self.cluster:
                self.cluster.run(job.script, trial_run, record, listen, self.elsewhere.files)
            else:
                run(job.script, trial_run, record, listen, self.server if job.role == "trial_run" else None)
        ending = record.ending
        if ending is None:
            self.show(record, [Ending("given up", 0, record.steps)])
        if job.seconds is None and ending and ending.reason == "window" and ending.loop_s >= seconds:
            error = (
                f"stopped after {ending.loop_s:.0f} s of training: it hangs, or is far slower than the script as it is"
            )
            record.ending = replace(ending, reason="failed", error=error)
        if ending and self.failing and fails_alike(ending, self.failing) and record.steps >= NEARLY * job.steps:
            record.ending = replace(ending, reason="finished")
        self.elsewhere.check()
        if not stop.is_set() and job.role == "trial_run":
            self.keep(record)
        return record


def fails_alike(ending: Ending, other: Ending) -> bool:
    """Tell whether two runs have failed, and say the same of why."""
    said = [(e.reason, e.status, (e.error.strip().splitlines() or [""])[-1]) for e in (ending, other)]
    return ending.reason == "failed" and said[0] == said[1]


def longest(baseline: Record) -> float:
    """Return for how many seconds a trial run may train before it is said to hang."""
    return max(LONGEST_S, SLOWER * baseline.ending.wall_s if baseline.ending else 0.0)


def yardstick(record: Record, judged_on: JudgedOn = "fixed", baseline: Record | None = None) -> tuple[str, float]:
    """Return what the trial run is judged by and its value at the end: NaN where it was not reached or not finite."""
    what, curve = judged_curve(record, judged_on, baseline)
    if not what or not record.can_be_judged or (has_opponents(record) and has_exploded(record)):
        return what, float("nan")
    if judged_on == "metric":
        return what, curve.last if isfinite(curve.last) else float("nan")
    if any(not isfinite(v) for v in record.series("loss", "0").values[-1:]):
        return what, float("nan")
    if judged_on in ("fixed", "spread", "median"):
        return what, curve.last
    if not isfinite(curve.last):
        return what, float("nan")
    averaged = min(EVALUATIONS, len(curve) // 3) if judged_on == "held_out" else int(LAST * len(curve))
    return what, fmean(v for v in curve.values[-max(1, averaged) :] if isfinite(v))


def judged_curve(record: Record, judged_on: JudgedOn = "fixed", baseline: Record | None = None) -> tuple[str, Series]:
    """Return what a run is judged by, and how it went over the steps.

    The baseline tells where data are held out.
    """
    name = YARDSTICKS[judged_on]
    places = record.places(name)
    if judged_on == "metric":
        metric = own_metric(baseline or record)
        return ("", Series()) if metric is None else (metric.in_words, metric.curve(record))
    if not places:
        return "", Series()
    if judged_on == "held_out":
        return name, record.held_out(baseline)
    what = name if judged_on == "training" else places[0]
    curve = record.series(name, places[0])
    if is_own_loss(judged_on, what) and (baseline or record).fact(facts.Floorless) is not None:
        costs = (inverse_gain(curve.first - v, curve.first) if isfinite(v) else v for v in curve.values)
        return f"1 / descent of the {what}", Series(curve.steps, tuple(costs))
    return what, curve


def is_own_loss(judged_on: JudgedOn, what: str) -> bool:
    """Whether what a run is judged by is the script's own loss, of which nobody knows how low it may come."""
    return judged_on == "training" or what == YARDSTICKS["training"]


def _is_hopeless(reading: Reading, job: Job) -> bool:
    if reading.name == "loss" and not isfinite(reading.value):
        return True
    if reading.name != "yardstick" or job.baseline is None or reading.step < HOPELESS_AFTER * job.steps:
        return False
    known = [v for s, v in job.baseline.series("yardstick", reading.place) if s <= reading.step]
    return bool(known) and isfinite(known[-1]) and reading.value > HOPELESS * max(known) > 0
