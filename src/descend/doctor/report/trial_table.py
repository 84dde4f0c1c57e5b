"""All trials as rows of one table: each names its metric where it is not the table's, and has a place on its axis."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite, log10

from descend.doctor.report.wording import count, number, one_line, percent, plain_name, taken_off
from descend.doctor.trials.statistics import LEAST_GAIN
from descend.doctor.trials.trial import Trial
from descend.ground.scale import needs_log

LONGEST_LABEL, LONGEST_REASON = 160, 300  # characters
MARGIN = 3.0  # per cent of the axis left free at its ends


@dataclass(frozen=True)
class Whisker:
    """Where a trial is on the axis of its metric, in per cent of the width; None for what is not finite."""

    before: float | None
    after: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class TrialRow:
    """One trial as it is printed."""

    label: str
    remedies: str
    before: str
    after: str
    gain: str
    verdict: str
    verdict_id: str
    metric: str
    seeds: str
    reason: str
    whisker: Whisker


def trial_rows(trials: Sequence[Trial]) -> list[TrialRow]:
    """Return the trials in their order, those of one metric on one axis (logarithmic beyond two decades)."""
    shared = shared_metric(trials)
    axes = {own: _axis([t for t in trials if own_metric(t, shared) == own]) for own in _own_metrics(trials, shared)}
    return [_row(trial, own_metric(trial, shared), axes[own_metric(trial, shared)]) for trial in trials]


def shared_metric(trials: Sequence[Trial]) -> str:
    """Return the metric that a table of trials is headed by: the first one's, without what is said of one row alone."""
    metrics = [trial.metric for trial in trials if trial.metric] or [""]
    return min((metric for metric in metrics if metrics[0].startswith(metric)), key=len)


def own_metric(trial: Trial, shared: str) -> str:
    """Return what the numbers of a row are, where that is not what the table is headed by; "" where it is."""
    if trial.verdict == "failed" or trial.metric.startswith(shared):
        return ""
    return one_line(trial.quantity or trial.metric, LONGEST_LABEL)


def verdict_in_words(trial: Trial) -> str:
    """Return the verdict of a row; of a gain that is too little from where on it would count, if not from a fifth."""
    words = plain_name(trial.verdict)
    is_usual = trial.verdict != "no_effect" or trial.least_gain == LEAST_GAIN
    return words if is_usual else f"{words} (under {percent(trial.least_gain)})"


def legend(trials: Sequence[Trial]) -> str:
    """Return what "too little" means in a table; "" where no row says so."""
    little = [trial for trial in trials if trial.verdict == "no_effect"]
    if not little:
        return ""
    share = percent(LEAST_GAIN)
    is_usual = all(trial.least_gain == LEAST_GAIN for trial in little)
    named = "" if is_usual else " (or than the share named in the row)"
    return f"{plain_name('no_effect')}: less than {share} better{named}, or less than {share} worse"


def _own_metrics(trials: Sequence[Trial], shared: str) -> list[str]:
    return list(dict.fromkeys(own_metric(trial, shared) for trial in trials))


def _row(trial: Trial, metric: str, at: Callable[[float], float | None]) -> TrialRow:
    low, high = trial.interval
    failed = not trial.was_judged
    return TrialRow(
        label=one_line(trial.label, LONGEST_LABEL),
        remedies=", ".join(plain_name(remedy) for remedy in trial.remedies),
        before="" if failed else number(trial.before),
        after="" if failed else number(trial.after),
        gain="" if failed else taken_off(trial.gain),
        verdict=verdict_in_words(trial),
        verdict_id=trial.verdict,
        metric=metric,
        seeds=count(len(trial.seeds), "seed") if trial.seeds else "",
        reason=one_line(trial.reason, LONGEST_REASON),
        whisker=Whisker(*([None] * 4 if failed else [at(v) for v in (trial.before, trial.after, low, high)])),
    )


def _axis(trials: Sequence[Trial]) -> Callable[[float], float | None]:
    ran = [trial for trial in trials if trial.was_judged]
    ends = [value for trial in ran for value in (trial.before, trial.after, *trial.interval) if isfinite(value)]
    log = needs_log(ends)
    low, high = (log10(min(ends)), log10(max(ends))) if log else (min(ends, default=0.0), max(ends, default=0.0))

    def at(value: float) -> float | None:
        if not isfinite(value):
            return None
        share = ((log10(value) if log else value) - low) / (high - low) if high > low else 0.5
        return round(MARGIN + (100 - 2 * MARGIN) * share, 2)

    return at
