"""The trial of a candidate, as it is reported: its metric, its costs, its verdict."""

from math import isfinite

from descend.doctor.assess.evaluation_metric import METRIC_NAMES, attainable_loss, evaluation_metric
from descend.doctor.assess.opponents import EXPLODED, has_opponents
from descend.doctor.record import Record, facts
from descend.doctor.remedies import JudgedOn
from descend.doctor.script.run_names import EndReason
from descend.doctor.trials.candidate import Candidate, trial_steps
from descend.doctor.trials.evaluation_metric import final_cost, metric_name
from descend.doctor.trials.statistics import Comparison, compare
from descend.doctor.trials.trial import Trial, TrialRun
from descend.doctor.trials.verdicts import Verdict

OPPOSED = f"infinite if a loss exceeds {EXPLODED:g} times its first value"
RESTARTS = "each run with a new initialisation is compared with the original run"
CLEARLY_WORSE = 1.2  # If the cost is above this multiple of the baseline's cost, the trial is reported as worse.


def screening_trial(candidate: Candidate, baseline: Record) -> Trial:
    """Return the trial that reports the single run of a candidate with the seed of the baseline run."""
    if candidate.record is None or candidate.reason:
        return _unjudged_trial(candidate)
    before = candidate.before
    verdict = Verdict.NO_EFFECT
    if candidate.shows_gain:
        verdict = Verdict.HELPS
    elif not isfinite(candidate.value) or candidate.value > before * CLEARLY_WORSE:
        verdict = Verdict.WORSE
    return make_trial(candidate, baseline, verdict, compare([before], [candidate.value]))


def _unjudged_trial(candidate: Candidate) -> Trial:
    """Return the trial of a candidate that could not be applied, run or compared, with the reason."""
    p, nan = candidate.prescription, float("nan")
    script = candidate.script if _is_edit_reported(candidate) else None
    return Trial(
        p.remedies,
        p.label,
        p.symptom,
        Verdict.INEFFECTIVE if candidate.has_no_effect else Verdict.FAILED,
        "",
        nan,
        nan,
        (nan, nan),
        (nan, nan),
        (),
        script,
        reason=candidate.reason,
        patch=script.diff() if script else "",
        also_for=_other_symptoms(candidate),
    )


def _is_edit_reported(candidate: Candidate) -> bool:
    """Return whether a trial without a result shows the edit: the edited script did not fail, or it was not run."""
    ending = candidate.record.ending if candidate.record else None
    return candidate.record is None or ending is not None and ending.reason in (EndReason.FINISHED, EndReason.WINDOW)


def _other_symptoms(candidate: Candidate) -> tuple[str, ...]:
    """Return the ids of the problems that a remedy was prescribed for, except for the first problem."""
    return tuple(symptom for symptom in candidate.symptoms if symptom != candidate.prescription.symptom)


def make_trial(candidate: Candidate, baseline: Record, verdict: str, result: Comparison) -> Trial:
    """Return the trial of a candidate, with its verdict and with the comparison that led to this verdict."""
    p = candidate.prescription
    return Trial(
        p.remedies,
        p.label,
        p.symptom,
        verdict,
        ", ".join(
            [
                metric_description(baseline, p.judged_on),
                *_step_count_notes(candidate, baseline),
                *([RESTARTS] if p.restart else []),
                *([OPPOSED] if has_opponents(baseline) and p.judged_on != "metric" else []),
            ]
        ),
        result.before,
        result.after,
        result.interval,
        result.difference,
        (baseline.seed,),
        candidate.script,
        (to_trial_run(baseline, p.judged_on, baseline),),
        (to_trial_run(candidate.record, p.judged_on, baseline),) if candidate.record else (),
        judged_on=p.judged_on,
        patch=candidate.script.diff() if candidate.script else "",
        gain=result.gain,
        parts=candidate.applied_parts,
        also_for=_other_symptoms(candidate),
        quantity=quantity_name(baseline, p.judged_on),
        floor=subtracted_loss(baseline, p.judged_on),
        least_gain=float(candidate.least_gain),
    )


def _step_count_notes(candidate: Candidate, baseline: Record) -> list[str]:
    """Return a note on the number of steps of the edited script; an empty list if it equals that of the baseline."""
    p, record = candidate.prescription, candidate.record
    before, after = trial_steps(baseline), p.steps(trial_steps(baseline))
    if after == before:
        return []
    has_finished = record is not None and record.ending is not None and record.ending.reason == EndReason.FINISHED
    steps = record.steps if record is not None and has_finished else after
    equal = "on as many examples" if p.times == 1 else f"{p.times} times as many"
    return [f"or {steps} steps with the change, {equal}"]


def metric_description(baseline: Record, judged_on: JudgedOn = "fixed") -> str:
    """Describe the evaluation metric in words, such as "loss on 256 fixed training examples after 300 steps"."""
    name, least = quantity_name(baseline, judged_on), subtracted_loss(baseline, judged_on)
    name += f" minus the attainable loss {least:.3g} (the entropy of the targets)" if least else ""
    steps = f"after {trial_steps(baseline)} steps"
    if judged_on == "training":
        return f"{name} {steps}"
    if judged_on == "metric":
        return f"{name}, as printed by the script, {steps}"
    if judged_on == "held_out":
        return f"loss on the script's own held-out data {steps}"
    if judged_on == "spread":
        return f"{name} on batches from all parts of the run {steps}"
    monitor = baseline.fact(facts.Monitor)
    return f"{name} on {monitor.distinct if monitor else 0} fixed training examples {steps}"


def quantity_name(baseline: Record, judged_on: JudgedOn) -> str:
    """Return the name of the evaluation metric in reports, such as "median squared error"."""
    names: dict[JudgedOn, str] = {
        "training": "the script's own training loss",
        "held_out": "held-out loss",
        "median": "median squared error",
        "time": "seconds per step",
    }
    name = metric_name(baseline, judged_on)
    return names.get(judged_on) or METRIC_NAMES.get(name, name)


def subtracted_loss(baseline: Record, judged_on: JudgedOn) -> float:
    """Return the lowest attainable loss, which is subtracted from the evaluation metric; 0 if it is unknown."""
    return attainable_loss(baseline) if judged_on in ("fixed", "spread") and evaluation_metric(baseline) else 0.0


def to_trial_run(record: Record, judged_on: JudgedOn, baseline: Record) -> TrialRun:
    """Return a summary of a run, with the final value of the evaluation metric."""
    accuracy = record.series("accuracy")
    return TrialRun(
        record.run,
        record.seed,
        final_cost(record, judged_on, baseline),
        accuracy.last if len(accuracy) else None,
        record.ending.error if record.ending else "",
        record.ending.weights if record.ending else "",
    )
