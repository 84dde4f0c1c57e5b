"""No finding survives a trial that refutes it: where each of its remedies makes the run clearly worse, it is withdrawn.

Each remedy is tried at other learning rates first, because a right one may need another one. Only a measure of the task
that no remedy moves can refute: the likelihood or the squared error of the fixed examples' outputs, or a metric that
the script computes on held-out data. A fault that flatters this measure, as a leak of the targets does, cannot be
refuted by it: without the fault the cost is higher, and honest.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import inf, isfinite

from descend.doctor.course.own_metric import own_metric
from descend.doctor.course.progress import LEFT_TO_LEARN, constant_cost
from descend.doctor.course.yardstick import yardstick_place
from descend.doctor.record import Record
from descend.doctor.remedies import Prescription
from descend.doctor.trials.candidate import Candidate
from descend.doctor.trials.confirm import confirm
from descend.doctor.trials.proof import Proof, Steps
from descend.doctor.trials.retune import at_other_rates
from descend.doctor.trials.statistics import MARGIN
from descend.doctor.trials.study import Study
from descend.doctor.trials.trial import Trial
from descend.ground.bound import Count

MOST_REMEDIES = Count(
    4, "remedies of one finding", "chosen: of more the search for a learning rate would take too long"
)
OF_THE_TASK = ("negative_log_likelihood", "squared_error")
REFUTES = "every remedy of it, at every learning rate tried, makes the run clearly worse: the finding is withdrawn"


def refute(candidates: Sequence[Candidate], study: Study, proof: Proof) -> Steps:
    """Withdraw the facts whose remedies all make the run clearly worse on fresh seeds; yield after each trial."""
    prescribed = [p for c in candidates for p in c.prescriptions if p.of_fact and not p.of_search]
    for fact in dict.fromkeys(p.symptom for p in prescribed if p.symptom not in proof.confirmed):
        mine = [c for c in candidates if fact in c.symptoms and c.script is not None]
        plain = [c for c in mine if c.plain is None]
        if _may_be_refuted(plain, study) and (trial := _refuting(mine, study)) is not None:
            proof = _withdrawing(fact, trial, proof)
            yield proof
    return proof


def _may_be_refuted(candidates: Sequence[Candidate], study: Study) -> bool:
    """Whether every remedy that applies was measured by what may refute, and made one run clearly worse."""
    if not 0 < len(candidates) <= MOST_REMEDIES or any(p.flatters for c in candidates for p in c.prescriptions):
        return False
    return all(_measures_task(c.prescription, study.baseline) and _is_clearly_worse(c, study) for c in candidates)


def _measures_task(prescription: Prescription, baseline: Record) -> bool:
    """Whether a remedy was measured in terms of the task, and not by the script's own loss."""
    if prescription.judged_on in ("fixed", "spread"):
        return yardstick_place(baseline) in OF_THE_TASK
    metric = own_metric(baseline)
    return prescription.judged_on == "metric" and metric is not None and metric.is_held_out is True


def _is_clearly_worse(candidate: Candidate, study: Study) -> bool:
    """Whether one run costs clearly more than the baseline, and more than a run that has learned the task."""
    if candidate.reason or candidate.record is None or not isfinite(candidate.before):
        return False
    value = candidate.value if isfinite(candidate.value) else inf
    return value > (1 + MARGIN) * candidate.before and value > LEFT_TO_LEARN * _unlearned(candidate, study.baseline)


def _unlearned(candidate: Candidate, baseline: Record) -> float:
    """Return the cost of a run that has learned nothing; that of the baseline where it is unknown."""
    metric = own_metric(baseline) if candidate.prescription.judged_on == "metric" else None
    known = constant_cost(baseline) if metric is None else metric.cost(metric.untrained)
    return known if known is not None and isfinite(known) else candidate.before


def _refuting(candidates: Sequence[Candidate], study: Study) -> Trial | None:
    """Return the trial of the best remedy at its best learning rate, if that is clearly worse on fresh seeds, too."""
    plain = [c for c in candidates if c.plain is None]
    tried = [*candidates, *at_other_rates(plain, study, {c.edit for c in candidates})]
    if not all(_is_clearly_worse(c, study) for c in tried if not c.reason):
        return None
    best = min(tried, key=lambda c: c.value if isfinite(c.value) else inf)
    trial = confirm(best, study)
    is_worse = trial.verdict != "failed" and trial.gain[1] < -MARGIN
    return replace(trial, verdict="worse", reason=REFUTES, refutes=True) if is_worse else None


def _withdrawing(fact: str, trial: Trial, proof: Proof) -> Proof:
    """Return the proof with the trial that refutes a finding, in place of the one that screened the same change."""
    same = [t for t in proof.trials if fact in t.symptoms and t.label == trial.label]
    proof = proof.telling(trial, instead_of=same[0] if same else None)
    mending = proof.mending if proof.mending and fact not in proof.mending.symptoms else None
    return replace(proof, withdrawn=proof.withdrawn | {fact}, mending=mending)
