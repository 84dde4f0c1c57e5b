"""All trials as rows of one table, each with its place on a common axis."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite, log10

from descend.doctor.report.wording import count, number, one_line, plain_name, taken_off
from descend.doctor.trials.trial import Trial
from descend.ground.scale import needs_log

LONGEST_LABEL, LONGEST_REASON = 160, 300  # characters
MARGIN = 3.0  # per cent of the axis left free at its ends


@dataclass(frozen=True)
class Whisker:
    """Where a trial lies on the common axis, in per cent of its width; None for what is not finite."""

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
    seeds: str
    reason: str
    whisker: Whisker


def trial_rows(trials: Sequence[Trial]) -> list[TrialRow]:
    """Return the trials in their order, placed on one axis (logarithmic where they span over two decades)."""
    at = _axis(trials)
    return [_row(trial, at) for trial in trials]


def _row(trial: Trial, at: Callable[[float], float | None]) -> TrialRow:
    low, high = trial.interval
    failed = trial.verdict == "failed"
    return TrialRow(
        label=one_line(trial.label, LONGEST_LABEL),
        remedies=", ".join(plain_name(remedy) for remedy in trial.remedies),
        before="" if failed else number(trial.before),
        after="" if failed else number(trial.after),
        gain="" if failed else taken_off(trial.gain),
        verdict=plain_name(trial.verdict),
        verdict_id=trial.verdict,
        seeds=count(len(trial.seeds), "seed") if trial.seeds else "",
        reason=one_line(trial.reason, LONGEST_REASON),
        whisker=Whisker(*([None] * 4 if failed else [at(v) for v in (trial.before, trial.after, low, high)])),
    )


def _axis(trials: Sequence[Trial]) -> Callable[[float], float | None]:
    ran = [trial for trial in trials if trial.verdict != "failed"]
    ends = [value for trial in ran for value in (trial.before, trial.after, *trial.interval) if isfinite(value)]
    log = needs_log(ends)
    low, high = (log10(min(ends)), log10(max(ends))) if log else (min(ends, default=0.0), max(ends, default=0.0))

    def at(value: float) -> float | None:
        if not isfinite(value):
            return None
        share = ((log10(value) if log else value) - low) / (high - low) if high > low else 0.5
        return round(MARGIN + (100 - 2 * MARGIN) * share, 2)

    return at
