"""Withdraw a finding if each of its remedies makes the run clearly worse.

Each remedy is first tried at other learning rates, as a correct remedy may need another one. Only a metric that no
remedy can change may withdraw a finding: the likelihood or squared error of the fixed examples, or a metric that the
script computes on held-out data. A problem that lowers this metric, such as leaked targets, is never withdrawn:
without the problem the cost is higher, but honest.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import inf, isfinite

from descend.core.bound import Count
from descend.doctor.assess.constant_prediction import constant_cost
from descend.doctor.assess.evaluation_metric import evaluation_metric
from descend.doctor.assess.logged_metric import main_metric
from descend.doctor.assess.summary import LEFT_TO_LEARN
from descend.doctor.record import Record
from descend.doctor.remedies import Prescription
from descend.doctor.trials.candidate import Candidate
from descend.doctor.trials.confirm import confirm_on_fresh_seeds
from descend.doctor.trials.learning_rate_search import run_at_other_learning_rates
from descend.doctor.trials.proof import Proof, ProofSteps
from descend.doctor.trials.statistics import MARGIN
from descend.doctor.trials.study import Study
from descend.doctor.trials.trial import Trial
from descend.doctor.trials.verdicts import Verdict

MOST_REMEDIES = Count(
    4, "remedies of one finding", "chosen: with more remedies, the search for learning rates would take too long"
)
TASK_METRICS = ("negative_log_likelihood", "squared_error")
REFUTES = "each of its remedies makes the run clearly worse at every learning rate tried, so the finding is withdrawn"


def withdraw_findings(candidates: Sequence[Candidate], study: Study, proof: Proof) -> ProofSteps:
    """Withdraw each finding whose remedies all make the run clearly worse; yield the proof after each withdrawal."""
    prescribed = [p for c in candidates for p in c.prescriptions if p.of_fact and not p.of_search]
    for fact in dict.fromkeys(p.symptom for p in prescribed if p.symptom not in proof.confirmed):
        remedies = [c for c in candidates if fact in c.symptoms and c.script is not None]
        untuned = [c for c in remedies if c.untuned is None]
        if _may_be_withdrawn(untuned, study) and (trial := _withdrawing_trial(remedies, study)) is not None:
            proof = _without_finding(fact, trial, proof)
            yield proof
    return proof


def _may_be_withdrawn(candidates: Sequence[Candidate], study: Study) -> bool:
    """Return whether the first run with each remedy of a finding was clearly worse, so that it may be withdrawn."""
    if not 0 < len(candidates) <= MOST_REMEDIES or any(p.flatters for c in candidates for p in c.prescriptions):
        return False
    return all(_measures_task(c.prescription, study.baseline) and _is_clearly_worse(c, study) for c in candidates)


def _measures_task(prescription: Prescription, baseline: Record) -> bool:
    """Return whether a remedy is compared by a metric that it cannot change, unlike the script's own loss."""
    if prescription.judged_on in ("fixed", "spread"):
        return evaluation_metric(baseline) in TASK_METRICS
    metric = main_metric(baseline)
    return prescription.judged_on == "metric" and metric is not None and metric.is_held_out is True


def _is_clearly_worse(candidate: Candidate, study: Study) -> bool:
    """Return whether a remedy led to a clearly higher cost than the baseline, and to one that shows little learning."""
    if candidate.reason or candidate.record is None or not isfinite(candidate.before):
        return False
    value = candidate.value if isfinite(candidate.value) else inf
    return value > (1 + MARGIN) * candidate.before and value > LEFT_TO_LEARN * _unlearned_cost(
        candidate, study.baseline
    )


def _unlearned_cost(candidate: Candidate, baseline: Record) -> float:
    """Return the cost of a network that has learned nothing or, if this is unknown, of the baseline run."""
    metric = main_metric(baseline) if candidate.prescription.judged_on == "metric" else None
    known = constant_cost(baseline) if metric is None else metric.cost(metric.untrained)
    return known if known is not None and isfinite(known) else candidate.before


def _withdrawing_trial(candidates: Sequence[Candidate], study: Study) -> Trial | None:
    """Run the best remedy of a finding on fresh seeds. Return the trial if the remedy makes the run clearly worse."""
    untuned = [c for c in candidates if c.untuned is None]
    tried = [*candidates, *run_at_other_learning_rates(untuned, study, {c.edit_id for c in candidates})]
    if any(c.is_untried for c in tried) or not all(_is_clearly_worse(c, study) for c in tried if not c.reason):
        return None
    best = min(tried, key=lambda c: c.value if isfinite(c.value) else inf)
    trial = confirm_on_fresh_seeds(best, study)
    is_worse = trial.verdict != Verdict.FAILED and trial.gain[1] < -MARGIN
    return replace(trial, verdict=Verdict.WORSE, reason=REFUTES, refutes=True) if is_worse else None


def _without_finding(fact: str, trial: Trial, proof: Proof) -> Proof:
    """Return the proof in which a finding is withdrawn. `trial` is the reason and replaces earlier trials."""
    same = [t for t in proof.trials if fact in t.symptoms and t.label == trial.label]
    proof = proof.with_trial(trial, instead_of=same[0] if same else None)
    unproved_fix = proof.unproved_fix if proof.unproved_fix and fact not in proof.unproved_fix.symptoms else None
    return replace(proof, withdrawn=proof.withdrawn | {fact}, unproved_fix=unproved_fix)
