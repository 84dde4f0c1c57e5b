"""Try remedies that shorten the steps of a process group. Their runs are timed under plain python, one at a time.

First one observed run has to end at about the same cost. Then the seconds per step decide, as costs do in other trials.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import fmean

from descend.doctor.assess.constant_prediction import constant_cost
from descend.doctor.record import Record
from descend.doctor.remedies import Prescription
from descend.doctor.script.script import Script
from descend.doctor.trials.candidate import Candidate, have_same_batches, incomparable_message, trial_steps
from descend.doctor.trials.confirm import LOOKS, fresh_seeds
from descend.doctor.trials.evaluation_metric import final_cost
from descend.doctor.trials.outcome import quantity_name, screening_trial
from descend.doctor.trials.proof import PROVED, Proof, ProofSteps
from descend.doctor.trials.screen import merge_equal_edits
from descend.doctor.trials.statistics import MARGIN, NEGLIGIBLE, compare
from descend.doctor.trials.study import Job, Study
from descend.doctor.trials.trial import Trial, TrialRun
from descend.doctor.trials.verdicts import Verdict

WARM_UP = 0.2  # share of the first step times that is omitted, because the first steps are always slow
# With costs of single examples that deviate by 1.5 times their mean, the means of two samples of 256 examples
# differ by 1.5·√(2/256), which is an eighth. The limit is four times as large.
OTHER_EXAMPLES = 0.5
UNTIMED = "the changed script takes too few steps to be timed"
OF_ANOTHER = "the patch fixes the first finding, but this remedy is for another finding"
NOT_QUICKER = "the steps are not significantly faster, or faster by less than a fifth"


def try_faster_steps(prescriptions: Sequence[Prescription], study: Study, proof: Proof) -> ProofSteps:
    """Measure the time per step with each prescription, and yield the proof after each trial.

    If the first finding is about time, the fix is the cheapest of those that are about as quick as the quickest.
    """
    sequential = study.sequential()
    proved: list[tuple[int, Trial, Record | None]] = []
    for candidate in merge_equal_edits(prescriptions, study):
        candidate = candidate if candidate.script is None else _check_training(candidate, study)
        if candidate.reason:
            proof = proof.with_trial(screening_trial(candidate, study.baseline))
            continue
        trial = _time_candidate(candidate, sequential)
        proof = replace(proof.with_trial(trial), judged=proof.judged.union(candidate.symptoms))
        if trial.verdict in PROVED:
            proof = replace(proof, confirmed=proof.confirmed.union(candidate.symptoms))
            proved.append((candidate.invasiveness, trial, candidate.record))
        yield proof
    lost = {p.symptom for p in prescriptions if not p.of_fact} - proof.confirmed
    proof = replace(proof, rejected=proof.rejected | lost)
    if proved and _is_about_time(prescriptions, proof):
        quick = min(trial.after for _, trial, _ in proved) * (1 + MARGIN)
        _, fix, trial_run = min((each for each in proved if each[1].after <= quick), key=lambda each: each[0])
        proof = _demote_fix(proof).with_fix(fix, trial_run)
    return proof


def _is_about_time(prescriptions: Sequence[Prescription], proof: Proof) -> bool:
    """Return whether the first finding, which the patch has to fix, is about slow steps.

    Facts are reported before suspicions. So that holds if there is no other fix, or only the slow process is a fact.
    """
    if proof.fix is None:
        return True
    return any(p.of_fact for p in prescriptions) and not any(part.prescription.of_fact for part in proof.fix.parts)


def _demote_fix(proof: Proof) -> Proof:
    """Change the verdict on the fix from "proved" to "helps", and return the changed proof."""
    if proof.fix is None:
        return proof
    return proof.with_trial(replace(proof.fix, verdict=Verdict.HELPS, reason=OF_ANOTHER), instead_of=proof.fix)


def step_seconds(record: Record, processes: int) -> float:
    """Return the mean seconds per step of a run, combined over all its processes; NaN if no process was timed.

    A process that was not timed has contributed no step.
    """
    each = []
    for rank in record.places("step_seconds"):
        series = record.series("step_seconds", rank)
        steps = [last - before for before, last in pairwise((0, *series.steps))]
        first = int(WARM_UP * len(steps))
        each.append(fmean(series.values[first:], weights=steps[first:]))
    return processes / sum(1 / seconds for seconds in each) if each else float("nan")


def _check_training(candidate: Candidate, study: Study) -> Candidate:
    """Run a candidate once and return it with its final cost. If the cost is too high, its `reason` says so."""
    baseline = study.baseline
    assert candidate.script is not None
    record = study.run([Job(candidate.script, baseline.seed, candidate.prescription.steps(trial_steps(baseline)))])[0]
    before, value = final_cost(baseline), final_cost(record)
    reason = incomparable_message(record, baseline, same_examples=False)
    margin = MARGIN if have_same_batches(baseline, record) else OTHER_EXAMPLES
    if not reason and not is_cost_acceptable(before, value, constant_cost(baseline), margin):
        reason = f"it trains worse: after the same number of examples, the cost is {value:.3g} instead of {before:.3g}"
    return replace(candidate, record=record, value=value, before=before, reason=reason)


def is_cost_acceptable(before: float, after: float, constant: float | None, margin: float = MARGIN) -> bool:
    """Return whether the cost `after` exceeds the cost `before` by at most `margin`, or by a negligible amount.

    constant: the cost of the best constant prediction, if it is known.
    """
    return after <= before * (1 + margin) or after - before <= NEGLIGIBLE * (constant or 0.0)


def _time_script(script: Script, seed: int, study: Study) -> TrialRun:
    """Run a script under plain python, and return a summary of the run with its seconds per step."""
    record = study.run([Job(script, seed, trial_steps(study.baseline), role="bare")])[0]
    seconds = step_seconds(record, study.plan.processes)
    return TrialRun(record.run, seed, seconds, None, record.ending.error if record.ending else "")


def _time_candidate(candidate: Candidate, study: Study) -> Trial:
    """Run the unchanged and the edited script alternately, and return a trial that compares their step times."""
    assert candidate.script is not None
    p = candidate.prescription
    before: list[TrialRun] = []
    after: list[TrialRun] = []
    for look in range(LOOKS):
        for seed in fresh_seeds(study, look):
            before.append(_time_script(study.script, seed, study))
            after.append(_time_script(candidate.script, seed, study))
        result = compare([trial_run.value for trial_run in before], [trial_run.value for trial_run in after])
        if not result.is_open():
            break
    reason = "" if result.wins() else NOT_QUICKER
    if any(trial_run.value != trial_run.value for trial_run in (*before, *after)):
        reason = next((trial_run.error for trial_run in after if trial_run.error), UNTIMED)
    cost = f"after the same number of examples, the cost is {candidate.value:.3g} instead of {candidate.before:.3g}"
    return Trial(
        p.remedies,
        p.label,
        p.symptom,
        Verdict.NOT_PROVED if reason else Verdict.PROVED,
        f"seconds per step of {study.plan.processes} processes under plain python; {cost}",
        result.before,
        result.after,
        result.interval,
        result.difference,
        tuple(trial_run.seed for trial_run in after),
        candidate.script,
        tuple(before),
        tuple(after),
        judged_on=p.judged_on,
        reason=reason,
        patch=candidate.script.diff(),
        gain=result.gain,
        also_for=tuple(symptom for symptom in candidate.symptoms if symptom != p.symptom),
        quantity=quantity_name(study.baseline, p.judged_on),
        least_gain=float(candidate.least_gain),
    )
