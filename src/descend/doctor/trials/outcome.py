"""A candidate's outcome as the trial that is shown."""

from dataclasses import replace
from math import isfinite

from descend.doctor.course.opponents import EXPLODED, has_opponents
from descend.doctor.course.yardstick import IN_WORDS, attainable_loss, yardstick_place
from descend.doctor.record import Record, facts
from descend.doctor.remedies import JudgedOn
from descend.doctor.trials.candidate import Candidate, horizon
from descend.doctor.trials.statistics import Comparison, compare
from descend.doctor.trials.trial import Trial, TrialRun
from descend.doctor.trials.yardsticks import yardstick

OPPOSED = f"∞ where a loss stands over {EXPLODED:g} times its first"
STARTS = "every start compared with the run as it was"


def screened(candidate: Candidate, baseline: Record) -> Trial:
    """Return what one run under the script's own seed says."""
    if candidate.record is None or candidate.reason:
        return _untried(candidate)
    before = candidate.before
    verdict = "no_effect"
    if candidate.helps:
        verdict = "helps"
    elif not isfinite(candidate.value) or candidate.value > before * 1.2:
        verdict = "worse"
    return told(candidate, baseline, verdict, compare([before], [candidate.value]))


def _untried(candidate: Candidate) -> Trial:
    p, nan = candidate.prescription, float("nan")
    names, script = p.remedies, candidate.script if _runs(candidate) else None
    verdict = "ineffective" if candidate.has_no_effect else "failed"
    none = Trial(names, p.label, p.symptom, verdict, "", nan, nan, (nan, nan), (nan, nan), (), script)
    also_for = tuple(symptom for symptom in candidate.symptoms if symptom != p.symptom)
    return replace(none, reason=candidate.reason, patch=script.diff() if script else "", also_for=also_for)


def _runs(candidate: Candidate) -> bool:
    """Whether nothing is known against the changed script but that no yardstick judges it."""
    ending = candidate.record.ending if candidate.record else None
    return candidate.record is None or ending is not None and ending.reason in ("finished", "window")


def told(candidate: Candidate, baseline: Record, verdict: str, result: Comparison) -> Trial:
    """Return the trial with its verdict and the comparison that it rests on."""
    p = candidate.prescription
    return Trial(
        p.remedies,
        p.label,
        p.symptom,
        verdict,
        ", ".join(
            [
                metric(baseline, p.judged_on),
                *_other_length(candidate, baseline),
                *([STARTS] if p.restart else []),
                *([OPPOSED] if has_opponents(baseline) and p.judged_on != "metric" else []),
            ]
        ),
        result.before,
        result.after,
        result.interval,
        result.difference,
        (baseline.seed,),
        candidate.script,
        (trial_run(baseline, p.judged_on, baseline),),
        (trial_run(candidate.record, p.judged_on, baseline),) if candidate.record else (),
        judged_on=p.judged_on,
        patch=candidate.script.diff() if candidate.script else "",
        gain=result.gain,
        parts=candidate.made_by,
        also_for=tuple(symptom for symptom in candidate.symptoms if symptom != p.symptom),
        quantity=quantity(baseline, p.judged_on),
        floor=floor(baseline, p.judged_on),
        least_gain=float(candidate.least_gain),
    )


def _other_length(candidate: Candidate, baseline: Record) -> list[str]:
    """Return for how many steps the changed script is run, where that is not as many, and what is equal instead."""
    p, record = candidate.prescription, candidate.record
    before, after = horizon(baseline), p.steps(horizon(baseline))
    if after == before:
        return []
    is_over = record is not None and record.ending is not None and record.ending.reason == "finished"
    steps = record.steps if record is not None and is_over else after
    equal = "on as many examples" if p.times == 1 else f"which train {p.times} times as long"
    return [f"and {steps} with the change, {equal}"]


def metric(baseline: Record, judged_on: JudgedOn = "fixed") -> str:
    """Return what the yardstick is, in words."""
    place, least = quantity(baseline, judged_on), floor(baseline, judged_on)
    place += f" in excess of the attainable loss {least:.3g}, the targets' own entropy," if least else ""
    if judged_on == "training":
        return f"{place} after {horizon(baseline)} steps"
    if judged_on == "metric":
        return f"{place}, which the script prints itself, after {horizon(baseline)} steps"
    if judged_on == "held_out":
        return f"loss on the script's own held-out data after {horizon(baseline)} steps"
    if judged_on == "spread":
        return f"{place} on batches from all over the run after {horizon(baseline)} steps"
    monitor = baseline.fact(facts.Monitor)
    examples = monitor.distinct if monitor else 0
    return f"{place} on {examples} fixed training examples after {horizon(baseline)} steps"


def quantity(baseline: Record, judged_on: JudgedOn) -> str:
    """Return the name of the numbers that a change is judged by."""
    names: dict[JudgedOn, str] = {
        "training": "the script's own training loss",
        "held_out": "held-out loss",
        "median": "median squared error",
        "time": "seconds a step",
    }
    what = yardstick(baseline, judged_on)[0]
    return names.get(judged_on) or IN_WORDS.get(what, what)


def floor(baseline: Record, judged_on: JudgedOn) -> float:
    """Return what the numbers that a change is judged by leave out: a loss that no prediction can go below."""
    return attainable_loss(baseline) if judged_on in ("fixed", "spread") and yardstick_place(baseline) else 0.0


def trial_run(record: Record, judged_on: JudgedOn, baseline: Record) -> TrialRun:
    """Return one run as it is judged."""
    accuracy = record.series("accuracy")
    error = record.ending.error if record.ending else ""
    return TrialRun(
        record.run,
        record.seed,
        yardstick(record, judged_on, baseline)[1],
        accuracy.last if len(accuracy) else None,
        error,
        record.ending.weights if record.ending else "",
    )
