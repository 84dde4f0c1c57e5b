"""The section of the page on the proof: the trial that decides the verdict, its numbers and its figure."""

from collections.abc import Mapping, Sequence
from typing import Any

from descend.doctor.case import Case
from descend.doctor.record import Record
from descend.doctor.report.document import Figures
from descend.doctor.report.formatting import (
    NO_BREAK_SPACE,
    count,
    interval,
    number,
    one_line,
    percent,
    relative_change,
    sentence,
)
from descend.doctor.report.proof_figure import decisive_trial, proof_figure
from descend.doctor.report.verdict import before_and_after
from descend.doctor.trials.trial import Trial, TrialRun


def proof_values(case: Case, trial_runs: Mapping[int, Record], figures: Figures) -> dict[str, Any] | None:
    """Return the template values of the trial that decides the verdict; None without such a trial."""
    trial = decisive_trial(case)
    if trial is None:
        return None
    accuracies = [(a.accuracy, b.accuracy) for a, b in zip(trial.baseline, trial.treated)]
    pairs = [(before, after) for before, after in accuracies if before is not None and after is not None]
    means = [sum(column) / len(pairs) for column in zip(*pairs)] if pairs else []
    return {
        "label": sentence(trial.label).rstrip("."),
        "metric": one_line(trial.metric),
        "result": result_message(trial),
        "quantity": quantity_of(trial),
        "change": before_and_after(trial),
        "gain": relative_change(trial.gain),
        "interval": interval(*trial.interval),
        "difference": interval(*trial.difference),
        "seeds": ", ".join(str(seed) for seed in trial.seeds),
        "accuracy": f"{percent(means[0], 1)} → {percent(means[1], 1)}" if means else "",
        "is_proof": trial is case.fix,
        "paired": [trial_run.seed for trial_run in trial.baseline] == [trial_run.seed for trial_run in trial.treated],
        "same_steps": _largest_step_count(trial.baseline, trial_runs)
        == _largest_step_count(trial.treated, trial_runs)
        > 0,
        "figure": figures.add(proof_figure(trial, trial_runs, case.record)),
    }


def result_message(trial: Trial) -> str:
    """Return what a trial showed, in words: `error rate down 57–84 % (95 % interval), 0.21 → 0.05 on 5 seeds`."""
    change = relative_change(trial.gain)
    relative = f" {change} (95{NO_BREAK_SPACE}% interval)," if change else ""
    seeds = f" on {count(len(trial.seeds), 'seed')}" if trial.seeds else ""
    return f"{quantity_of(trial)}{relative} {before_and_after(trial)}{seeds}"


def quantity_of(trial: Trial) -> str:
    """Return the name of what a trial measured, such as `negative log-likelihood`."""
    if trial.floor:
        return f"excess over the attainable loss {number(trial.floor)}"
    return one_line(trial.quantity) or "evaluation metric"


def _largest_step_count(side: Sequence[TrialRun], trial_runs: Mapping[int, Record]) -> int:
    """Return the largest number of steps of several trial runs; 0 if no record is available."""
    return max((trial_runs[trial_run.run].steps for trial_run in side if trial_run.run in trial_runs), default=0)
