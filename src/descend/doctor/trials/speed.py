"""Tries what makes the steps of a group quicker: timed side by side under plain python, one run at a time.

First one run under observation has to end at about the same cost; then the times decide, as costs do elsewhere.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import fmean

from descend.doctor.course.progress import constant_cost
from descend.doctor.record import Record
from descend.doctor.remedies import Prescription
from descend.doctor.script.script import Script
from descend.doctor.trials.candidate import Candidate, horizon, incomparable, were_shown_alike
from descend.doctor.trials.confirm import LOOKS, fresh_seeds
from descend.doctor.trials.outcome import quantity, screened
from descend.doctor.trials.proof import PROVED, Proof, Steps
from descend.doctor.trials.screen import one_for_each_edit
from descend.doctor.trials.statistics import DOWN, MARGIN, compare
from descend.doctor.trials.study import Job, Study
from descend.doctor.trials.trial import Trial, TrialRun
from descend.doctor.trials.yardsticks import yardstick

WARM_UP = 0.2  # of the readings: the first steps are slow anywhere
# The mean costs of two draws of 256 examples, each of which scatters by 1.5 times the mean, differ by 1.5·√(2/256) of
# it, an eighth; four times that.
OTHER_EXAMPLES = 0.5
UNTIMED = "it takes too few steps to be timed"
OF_ANOTHER = "it is for another finding: the patch is for the first one"
NOT_QUICKER = "its steps are not surely a fifth quicker"


def hasten(prescriptions: Sequence[Prescription], study: Study, proof: Proof) -> Steps:
    """Try each prescription: yield every trial, and make one of the proved ones the fix where `_is_first` says so.

    It is the cheapest of those that are about as quick as the quickest.
    """
    alone = study.one_by_one()
    proved: list[tuple[int, Trial, Record | None]] = []
    for candidate in one_for_each_edit(prescriptions, study):
        candidate = candidate if candidate.script is None else _observed(candidate, study)
        if candidate.reason:
            proof = proof.telling(screened(candidate, study.baseline))
            continue
        trial = _timed(candidate, alone)
        proof = replace(proof.telling(trial), judged=proof.judged.union(candidate.symptoms))
        if trial.verdict in PROVED:
            proof = replace(proof, confirmed=proof.confirmed.union(candidate.symptoms))
            proved.append((candidate.cost, trial, candidate.record))
        yield proof
    lost = {p.symptom for p in prescriptions if not p.of_fact} - proof.confirmed
    proof = replace(proof, refuted=proof.refuted | lost)
    if proved and _is_first(prescriptions, proof):
        quick = min(trial.after for _, trial, _ in proved) * (1 + MARGIN)
        _, cure, trial_run = min((each for each in proved if each[1].after <= quick), key=lambda each: each[0])
        proof = _set_aside(proof).cured_by(cure, trial_run)
    return proof


def _is_first(prescriptions: Sequence[Prescription], proof: Proof) -> bool:
    """Whether the patch is for the time: there is no other fix, or only the slow process is a fact.

    Facts are reported before suspicions, and the patch is that of the first finding.
    """
    if proof.cure is None:
        return True
    return any(p.of_fact for p in prescriptions) and not any(part.prescription.of_fact for part in proof.cure.parts)


def _set_aside(proof: Proof) -> Proof:
    """Return the proof with the fix so far as one that only helps."""
    if proof.cure is None:
        return proof
    return proof.telling(replace(proof.cure, verdict="helps", reason=OF_ANOTHER), instead_of=proof.cure)


def step_seconds(record: Record, processes: int) -> float:
    """Return what a step takes: the harmonic mean over the processes, NaN where none of them was timed.

    Of one that was not timed no step has counted.
    """
    each = []
    for rank in record.places("step_seconds"):
        series = record.series("step_seconds", rank)
        steps = [last - before for before, last in pairwise((0, *series.steps))]
        first = int(WARM_UP * len(steps))
        each.append(fmean(series.values[first:], weights=steps[first:]))
    return processes / sum(1 / seconds for seconds in each) if each else float("nan")


def _observed(candidate: Candidate, study: Study) -> Candidate:
    """Run the change once under observation, under the script's own seed: what it costs at the end."""
    baseline = study.baseline
    assert candidate.script is not None
    record = study.run([Job(candidate.script, baseline.seed, candidate.prescription.steps(horizon(baseline)))])[0]
    before, value = yardstick(baseline)[1], yardstick(record)[1]
    reason = incomparable(record, baseline, same_examples=False)
    margin = MARGIN if were_shown_alike(baseline, record) else OTHER_EXAMPLES
    if not reason and not trains_as_well(before, value, constant_cost(baseline), margin):
        reason = f"it trains worse: its cost after as many examples is {value:.3g}, without it {before:.3g}"
    return replace(candidate, record=record, value=value, before=before, reason=reason)


def trains_as_well(before: float, after: float, constant: float | None, margin: float = MARGIN) -> bool:
    """Whether a cost is about the one before, or lies within a little of the way down from what learns nothing."""
    return after <= before * (1 + margin) or after - before <= DOWN * (constant or 0.0)


def _timed_run(script: Script, seed: int, study: Study) -> TrialRun:
    """Run a script under plain python; its value is what a step takes, over all processes."""
    record = study.run([Job(script, seed, horizon(study.baseline), role="bare")])[0]
    seconds = step_seconds(record, study.plan.processes)
    return TrialRun(record.run, seed, seconds, None, record.ending.error if record.ending else "")


def _timed(candidate: Candidate, study: Study) -> Trial:
    """Time both scripts in turn, so that what else the machine does slows both; as often again where it is open."""
    assert candidate.script is not None
    p = candidate.prescription
    before: list[TrialRun] = []
    after: list[TrialRun] = []
    for look in range(LOOKS):
        for seed in fresh_seeds(study, look):
            before.append(_timed_run(study.script, seed, study))
            after.append(_timed_run(candidate.script, seed, study))
        result = compare([trial_run.value for trial_run in before], [trial_run.value for trial_run in after])
        if not result.is_open():
            break
    reason = "" if result.wins() else NOT_QUICKER
    if any(trial_run.value != trial_run.value for trial_run in (*before, *after)):
        reason = next((trial_run.error for trial_run in after if trial_run.error), UNTIMED)
    cost = f"the cost after as many examples is {candidate.value:.3g}, without it {candidate.before:.3g}"
    return Trial(
        p.remedies,
        p.label,
        p.symptom,
        "not_proved" if reason else "proved",
        f"seconds a step of {study.plan.processes} processes under plain python; {cost}",
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
        quantity=quantity(study.baseline, p.judged_on),
        least_gain=float(candidate.least_gain),
    )
