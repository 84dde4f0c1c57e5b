"""The results of `descend prove`: the verdict on each change, with the runs that led to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import exp, isfinite, log, nan
from statistics import fmean

from descend.core.interval import mean_interval
from descend.doctor.prove.judgement import ChangeVerdict
from descend.doctor.prove.metric import ComparedMetric
from descend.doctor.record import Record, Series, facts
from descend.doctor.script.script import Script

FAILED = 4  # exit status of a command if the user's script failed


class Expectation(StrEnum):
    """What the user expects of a change. It decides about the exit status."""

    NO_WORSE = "no-worse"
    BETTER = "better"


@dataclass(frozen=True)
class ChangedScript:
    """A changed version of the script, and how the user names the change."""

    label: str  # such as "fix.diff" or "lr=3e-4"
    script: Script
    setting: str = ""  # name of the setting that the change sets; "" for other changes


@dataclass(frozen=True)
class ComparedRun:
    """The summary of one run: its final metric, its time per step, and its memory."""

    run: int  # number of the run in the store
    seed: int
    value: float  # final value of the metric in its own units; NaN if the run failed
    cost: float  # final cost, which is lower for better runs
    steps: int
    step_s: float  # seconds per optimizer step, without measurements
    memory: int | None  # largest number of bytes of memory; None if unknown
    curve: Series = Series()  # the metric in its own units over the optimizer steps
    loss: Series = Series()  # the training loss over the optimizer steps


@dataclass(frozen=True)
class ChangeResult:
    """The verdict on one change, and the runs with and without it, in pairs with the same seed."""

    label: str
    patch: str  # the change as a unified diff
    verdict: ChangeVerdict
    reason: str = ""  # why the runs could not be compared, the change has no effect, or more seeds might not decide
    difference: tuple[float, float] = (nan, nan)  # confidence interval of the relative difference of the costs
    is_no_worse: bool = False  # whether the cost is higher by less than the margin, with confidence
    more_seeds: int | None = None  # number of further seeds that would probably decide
    before: tuple[ComparedRun, ...] = ()
    after: tuple[ComparedRun, ...] = ()
    error: str = ""  # the error output of the changed script if it failed
    # the result of a smaller change that keeps the gain; None if all parts are needed or that was not requested
    needed: "ChangeResult | None" = None

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the pairs of runs."""
        return tuple(run.seed for run in self.after)

    @property
    def time_ratio(self) -> tuple[float, float]:
        """The 95 % interval of the seconds per step with the change, divided by those without it."""
        pairs = [(b.step_s, a.step_s) for b, a in zip(self.before, self.after) if b.step_s > 0 and a.step_s > 0]
        low, high = mean_interval([log(after / before) for before, after in pairs])
        return exp(low), exp(high)

    def is_as_expected(self, expected: Expectation) -> bool | None:
        """Return whether the verdict is as expected; None if that is undecided or the runs cannot be compared."""
        if self.verdict in (ChangeVerdict.HARMS, ChangeVerdict.FAILS):
            return False
        if self.verdict == ChangeVerdict.HELPS:
            return True
        if self.verdict in (ChangeVerdict.EQUIVALENT, ChangeVerdict.NO_EFFECT):
            return expected == Expectation.NO_WORSE
        if self.verdict == ChangeVerdict.UNDECIDED and self.is_no_worse and expected == Expectation.NO_WORSE:
            return True
        return None


@dataclass(frozen=True)
class ProveResult:
    """The results of comparing one or more changed scripts with the unchanged one."""

    baseline: Record  # the observed run of the unchanged script
    metric: ComparedMetric | None  # None if the script failed
    changes: tuple[ChangeResult, ...] = ()
    expected: Expectation = Expectation.NO_WORSE
    margin: float = nan  # largest relative difference of costs that count as equivalent
    differs_because: str = ""  # why two runs of the unchanged script with the same seed differ; "" if they do not
    runs: int = 0  # number of runs, with that of the baseline
    total_s: float = 0.0  # seconds of the whole command
    interruption: int = 0  # exit status of the signal that interrupted the command; 0 if it was not interrupted
    ended_because: str = ""  # why the runs ended early, for example because the time of --budget was over

    @property
    def has_failed(self) -> bool:
        """Whether the unchanged script failed, so that nothing could be compared."""
        return self.baseline.ending is not None and self.baseline.ending.has_failed

    @property
    def exit_status(self) -> int:
        """The exit status: 0 as expected, 1 not as expected, 3 undecided or not comparable, 4 the script failed."""
        if self.interruption:
            return self.interruption
        if self.has_failed:
            return FAILED
        outcomes = [change.is_as_expected(self.expected) for change in self.changes]
        if False in outcomes:
            return 1
        return 3 if None in outcomes or not outcomes else 0


def summarise_run(record: Record, baseline: Record, metric: ComparedMetric) -> ComparedRun:
    """Return the summary of one run."""
    ending = record.ending
    trained_s = max(0.0, ending.loop_s - ending.probe_s) if ending else 0.0
    memory = record.fact(facts.PeakMemory)
    return ComparedRun(
        record.run,
        record.seed,
        metric.value(record, baseline),
        metric.cost(record, baseline),
        record.steps,
        trained_s / record.steps if record.steps else nan,
        memory.bytes if memory else None,
        metric.curve(record, baseline),
        record.series("loss", "0"),
    )


def mean_value(runs: Sequence[ComparedRun]) -> float:
    """Return the mean of the final values of the metric; NaN without runs, or if a run has no finite value."""
    values = [run.value for run in runs]
    return fmean(values) if values and all(map(isfinite, values)) else nan
