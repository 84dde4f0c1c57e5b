"""Run the two best values of each choice on further seeds, and keep those that are better on all seeds together.

A search has one seed. The value that it finds is often too large by a little: it diverges with other seeds.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite, nan
from statistics import fmean

from descend.core.bound import Bound, Count
from descend.doctor.compare.choice import Choice
from descend.doctor.compare.result import TriedValues, TunedChoice
from descend.doctor.compare.search import TUNING_SEED
from descend.doctor.compare.stored_comparison import StoredComparison, run_label
from descend.doctor.prove.metric import ComparedMetric
from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.trials.statistics import paired_log_ratios
from descend.doctor.trials.study import Job, Study

REPEATED_VALUES = Count(2, "best values of each choice", "chosen: the best one and its closest rival")
FURTHER_SEEDS = Count(
    2, "seeds", "chosen: a value that diverges on every third seed is noticed with a probability of 1 − (2/3)² = 56 %"
)
CLOSE_COST = Bound(2.0, "multiple of the lowest cost", "chosen: a value with a higher cost is no rival of the best one")

Rivals = list[tuple[TriedValues, Script]]


def repeated_run_count(choices: Sequence[Choice]) -> int:
    """Return the largest number of runs that `keep_reliable_values` makes."""
    return sum(REPEATED_VALUES * FURTHER_SEEDS for choice in choices if choice.dimensions)


def keep_reliable_values(
    study: Study, metric: ComparedMetric, tuned: Sequence[TunedChoice], storage: StoredComparison
) -> tuple[TunedChoice, ...]:
    """Return the choices with the values that are best on the seed of the search and two further ones together.

    Complete runs are stored, and not made again after an interruption. Raises `OutOfTime` if the runs would not end
    before the deadline.
    """
    first = study.baseline.seed + TUNING_SEED + 1
    seeds = range(first, first + FURTHER_SEEDS)
    rivals = [_rivals(one, study.script) for one in tuned]
    found: dict[tuple[str, int], Record] = {}
    jobs: list[Job] = []
    for one, pairs in zip(tuned, rivals):
        for label, script in ((run_label(one.choice, tried.values), script) for tried, script in pairs):
            for seed in seeds:
                if (record := storage.load_run(label, seed, study.context.store)) is not None:
                    found[label, seed] = record
                else:
                    jobs.append(_job(script, label, seed, study, storage, found))
    study.run(jobs)

    def repeated(one: TunedChoice, pairs: Rivals) -> TunedChoice:
        """Return a choice with the values that are best on all seeds together. A run that failed costs NaN."""
        runs = [[found.get((run_label(one.choice, tried.values), seed)) for seed in seeds] for tried, _ in pairs]
        costs = [
            [tried.cost, *(nan if run is None else metric.cost(run, study.baseline) for run in records)]
            for (tried, _), records in zip(pairs, runs)
        ]
        steps = sum(run.steps for records in runs for run in records if run is not None)
        return _with_best(replace(one, repeated_steps=steps), pairs, costs)

    return tuple(map(repeated, tuned, rivals))


def _rivals(one: TunedChoice, script: Script) -> Rivals:
    """Return the best values of a choice and the second best ones, each with its script; [] if there is no rival."""
    if one.best is None or not one.choice.dimensions:
        return []
    ranked = sorted((tried for tried in one.tried if isfinite(tried.cost)), key=lambda tried: tried.cost)
    close = [tried for tried in ranked if tried.cost <= CLOSE_COST * one.best.cost][:REPEATED_VALUES]
    return [(tried, one.choice.edit(script, tried.values)) for tried in close] if len(close) > 1 else []


def _job(
    script: Script, label: str, seed: int, study: Study, storage: StoredComparison, found: dict[tuple[str, int], Record]
) -> Job:
    """Return the job of one run, which is stored as soon as it has ended."""

    def add_run(record: Record) -> None:
        """Store the run."""
        found[label, seed] = record
        storage.note_run(label, seed, record.run)

    return Job(script, seed, study.plan.steps, on_end=add_run)


def _with_best(one: TunedChoice, rivals: Rivals, costs: Sequence[Sequence[float]]) -> TunedChoice:
    """Return a choice with its best values, or with the second best ones if these are better on all seeds together."""
    if len(rivals) < 2 or fmean(paired_log_ratios(costs[0], costs[1])) >= 0:
        return one
    tried, script = rivals[1]
    return replace(one, best=tried, script=script, at_edge=())
