"""The results of `descend compare`: the tuned choices, their runs on fresh seeds, and the verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf, nan
from statistics import median

from descend.doctor.assess.symptom import Symptom
from descend.doctor.compare.choice import Choice, Values
from descend.doctor.prove.metric import ComparedMetric
from descend.doctor.prove.result import FAILED, ChangeResult
from descend.doctor.record import Record
from descend.doctor.script.script import Script


class CompareVerdict(StrEnum):
    """The answer to the question which choice to use. The values are part of the JSON report."""

    SWITCH = "switch"  # another choice is better than the current setting, and than the current optimizer if tuned
    TUNE = "tune"  # the current optimizer with other values is better, and no other choice is better than that
    KEEP = "keep"  # no choice is better than the current setting
    UNDECIDED = "undecided"  # more seeds are needed
    NOT_COMPARED = "not_compared"  # nothing could be compared, for example because the script is faulty


@dataclass(frozen=True)
class TriedValues:
    """One run of the search: the values of the searched settings, and the cost at its end."""

    values: Values
    cost: float  # lower is better; infinity if the run diverged, failed, was stopped or could not be compared
    value: float  # the metric in its own units at the end of the run; NaN if unknown
    steps: int  # number of optimizer steps of this run
    run: int = 0  # number of the run in the store
    is_stopped_early: bool = False  # whether the run was stopped because it was worse than others up to the same step
    reason: str = ""  # why the run could not be compared; "" if it could


@dataclass(frozen=True)
class TunedChoice:
    """A choice after the search: what was tried, and the script with the best values."""

    choice: Choice
    tried: tuple[TriedValues, ...] = ()
    best: TriedValues | None = None  # None if no run could be compared
    script: Script | None = None  # the script with the best values
    reason: str = ""  # why the choice could not be tried; "" if it could
    # names of the settings whose best value is the smallest or the largest one that was tried
    at_edge: tuple[str, ...] = ()
    repeated_steps: int = 0  # number of optimizer steps of the runs that repeat the best values with further seeds

    @property
    def steps(self) -> int:
        """The number of optimizer steps of the whole search."""
        return sum(tried.steps for tried in self.tried)


@dataclass(frozen=True)
class StepsToTarget:
    """How soon a choice reaches the final metric that the current setting has with the same seed."""

    ratios: tuple[float, ...]  # steps / steps of the current setting, for each seed that reaches it
    missed: int  # number of seeds that never reach it, and so have no ratio
    # confidence interval of the ratio; the upper limit is infinite if so many seeds miss it that it is unknown
    interval: tuple[float, float] = (nan, nan)
    step_s: float = nan  # seconds per step of a run that was the only one on the machine; NaN if not measured

    @property
    def median_ratio(self) -> float:
        """The median ratio; infinity if at least half of the seeds miss the target, and NaN without any seed."""
        ratios = [*self.ratios, *[inf] * self.missed]
        return median(ratios) if ratios else nan


@dataclass(frozen=True)
class WorkingRange:
    """The learning rates of a search whose cost is close to the lowest one: how easily the choice is tuned."""

    low: float
    high: float
    decades: float  # width on a logarithmic scale
    regret: tuple[float, ...]  # relative excess of the best cost after 1, 2, … runs of the search over the final one


@dataclass(frozen=True)
class RankedChoice:
    """One row of the comparison: a choice, its result against the current setting, and how easily it is tuned."""

    tuned: TunedChoice
    result: ChangeResult | None  # against the current setting, on fresh seeds; None if it was not run
    target: StepsToTarget | None = None
    working: WorkingRange | None = None
    # labels of the other choices that are neither clearly better nor clearly worse than this one
    ties: tuple[str, ...] = ()
    # labels of those among them whose cost differs by less than the margin, with confidence
    equivalent: tuple[str, ...] = ()
    # confidence interval of the relative difference of the cost to the script's own optimizer with tuned settings
    against_tuned: tuple[float, float] = (nan, nan)

    @property
    def label(self) -> str:
        """The name of the choice."""
        return self.tuned.choice.label


@dataclass(frozen=True)
class CompareResult:
    """The results of comparing choices for one script."""

    baseline: Record  # the observed run of the unchanged script
    metric: ComparedMetric | None
    ranked: tuple[RankedChoice, ...] = ()  # the best one first; choices that could not be compared last
    verdict: CompareVerdict = CompareVerdict.NOT_COMPARED
    winner: RankedChoice | None = None  # the recommended choice; None for the current setting
    more_seeds: int | None = None  # number of further seeds that would probably decide
    faults: tuple[Symptom, ...] = ()  # certain problems of the script. They are shown first.
    suspected: tuple[Symptom, ...] = ()  # problems that are not certain
    margin: float = nan
    differs_because: str = ""  # why two runs of the unchanged script with the same seed differ; "" if they do not
    tuning_steps: int = 0  # largest number of optimizer steps of the search for each choice
    runs: int = 0
    total_s: float = 0.0
    interruption: int = 0  # exit status of the signal that interrupted the command; 0 if it was not interrupted
    ended_because: str = ""
    notes: Sequence[str] = ()  # further sentences for the report, such as that a comparison was resumed
    step_s: float = nan  # seconds per step of the current setting, in a run that was the only one on the machine

    @property
    def tuned_own(self) -> RankedChoice | None:
        """The best choice that only tunes the script's own optimizer; None if no such choice was run."""
        own = (row for row in self.ranked if row.tuned.choice.keeps_optimizer and row.result is not None)
        return next(own, None)

    @property
    def has_failed(self) -> bool:
        """Whether the unchanged script failed, so that nothing could be compared."""
        return self.baseline.ending is not None and self.baseline.ending.has_failed

    @property
    def exit_status(self) -> int:
        """The exit status: 0 decided, 1 the script is faulty, 3 undecided or not compared, 4 the script failed."""
        if self.interruption:
            return self.interruption
        if self.has_failed:
            return FAILED
        if self.verdict == CompareVerdict.NOT_COMPARED and self.faults:
            return 1
        return 3 if self.verdict in (CompareVerdict.UNDECIDED, CompareVerdict.NOT_COMPARED) else 0
