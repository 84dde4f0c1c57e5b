"""The tables of all trials in the report, one for each metric, with a small chart of the metric in each row."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite, log10

from descend.core.scale import needs_log
from descend.doctor.report.formatting import count, number, one_line, percent, plain_name, relative_change
from descend.doctor.trials.statistics import MINIMUM_EFFECT
from descend.doctor.trials.trial import Trial
from descend.doctor.trials.verdicts import Verdict

LONGEST_LABEL, LONGEST_REASON = 160, 300  # largest numbers of characters of a label and of a reason
MARGIN = 3.0  # width of the free space at each end of the axis, in percent of the axis


@dataclass(frozen=True)
class Whisker:
    """Positions of the values of a trial on the axis of its metric, in percent; None for infinities and NaN."""

    before: float | None
    after: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class TrialRow:
    """The texts that a table shows for one trial."""

    label: str
    before: str
    after: str
    gain: str
    verdict: str
    verdict_id: str
    seeds: str
    reason: str
    whisker: Whisker


@dataclass(frozen=True)
class TrialTable:
    """The trials that were compared by one metric. metric: what their numbers are."""

    metric: str
    rows: tuple[TrialRow, ...]


def trial_tables(trials: Sequence[Trial]) -> list[TrialTable]:
    """Return a table of the trials for each metric by which they were compared, in the order of the trials."""
    judged = [trial for trial in trials if trial.was_judged]
    shared = shared_metric(judged)
    groups: dict[str, list[Trial]] = {}
    for trial in judged:
        groups.setdefault(row_metric(trial, shared), []).append(trial)
    return [TrialTable(own or shared, _trial_rows(group)) for own, group in groups.items()]


def unjudged_trials(trials: Sequence[Trial]) -> list[TrialRow]:
    """Return a row for each trial that could not be run or compared, or whose edit had no effect."""
    return [_trial_row(trial, lambda value: None) for trial in trials if not trial.was_judged]


def _trial_rows(trials: Sequence[Trial]) -> tuple[TrialRow, ...]:
    """Return the rows of trials with the same metric, whose values are drawn on the same axis."""
    at = _axis_scale(trials)
    return tuple(_trial_row(trial, at) for trial in trials)


def shared_metric(trials: Sequence[Trial]) -> str:
    """Return the metric for the heading of the table: that of the first trial, without notes on single trials."""
    metrics = [trial.metric for trial in trials if trial.metric] or [""]
    return min((metric for metric in metrics if metrics[0].startswith(metric)), key=len)


def row_metric(trial: Trial, shared: str) -> str:
    """Return the metric of a trial if it is not the metric in the heading of the table; otherwise ""."""
    if trial.verdict == Verdict.FAILED or trial.metric.startswith(shared):
        return ""
    return one_line(trial.quantity or trial.metric, LONGEST_LABEL)


def trial_verdict(trial: Trial) -> str:
    """Return the verdict of a trial in words. If the gain is too small, an unusual minimum is added in brackets."""
    text = plain_name(trial.verdict)
    is_usual = trial.verdict != Verdict.NO_EFFECT or trial.least_gain == MINIMUM_EFFECT
    return text if is_usual else f"{text} (under {percent(trial.least_gain)})"


def table_legend(trials: Sequence[Trial]) -> str:
    """Return the explanation of the verdict "too little"; "" if no trial in the table has this verdict."""
    little = [trial for trial in trials if trial.verdict == Verdict.NO_EFFECT]
    if not little:
        return ""
    share = percent(MINIMUM_EFFECT)
    is_usual = all(trial.least_gain == MINIMUM_EFFECT for trial in little)
    named = "" if is_usual else " (or less than the percentage in the row)"
    return f"{plain_name('no_effect')}: less than {share} better{named} or less than {share} worse"


def _trial_row(trial: Trial, at: Callable[[float], float | None]) -> TrialRow:
    """Return the texts of the table row for one trial. at: returns the position of a value on the axis, in percent."""
    low, high = trial.interval
    failed = not trial.was_judged
    return TrialRow(
        label=one_line(trial.label, LONGEST_LABEL),
        before="" if failed else number(trial.before),
        after="" if failed else number(trial.after),
        gain="" if failed else relative_change(trial.gain),
        verdict=trial_verdict(trial),
        verdict_id=trial.verdict,
        seeds=count(len(trial.seeds), "seed") if trial.seeds else "",
        reason=one_line(trial.reason, LONGEST_REASON),
        whisker=Whisker(*(at(value) for value in (trial.before, trial.after, low, high))),
    )


def _axis_scale(trials: Sequence[Trial]) -> Callable[[float], float | None]:
    """Return a function that returns the position of a value on the common axis of some trials, in percent."""
    ran = [trial for trial in trials if trial.was_judged]
    ends = [value for trial in ran for value in (trial.before, trial.after, *trial.interval) if isfinite(value)]
    log = needs_log(ends)
    low, high = (log10(min(ends)), log10(max(ends))) if log else (min(ends, default=0.0), max(ends, default=0.0))

    def position(value: float) -> float | None:
        """Return the position of a value on the axis, in percent of the axis; None for infinities and NaN."""
        if not isfinite(value):
            return None
        share = ((log10(value) if log else value) - low) / (high - low) if high > low else 0.5
        return round(MARGIN + (100 - 2 * MARGIN) * share, 2)

    return position
