"""Screen prescriptions: run each edited source once with the script's own seed.

Several prescriptions may result in the same source, so one source has one trial, one verdict and one metric. A source
without a gain is compared again by the next metric that one of its prescriptions names, and finally by the logged
metric. A later result replaces the earlier one.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from math import isfinite, nan

from descend.doctor.assess.logged_metric import main_metric
from descend.doctor.assess.opponents import has_exploded, has_opponents
from descend.doctor.record import Record
from descend.doctor.remedies import JudgedOn, NotApplicable, Prescription
from descend.doctor.trials.candidate import (
    LOSS_METRICS,
    OPPOSING_OPTIMIZER,
    OUT_OF_TIME,
    Candidate,
    judge_unpaired,
    run_candidates,
)
from descend.doctor.trials.evaluation_metric import metric_name
from descend.doctor.trials.overrides import move_edits_to_overrides
from descend.doctor.trials.run_times import OutOfTime
from descend.doctor.trials.same_evaluation import reject_changed_evaluations
from descend.doctor.trials.study import Study

NO_METRIC = "no training step could be recorded and replayed, so there is no metric for comparing remedies"
MISSING: dict[JudgedOn, str] = {
    "held_out": "the script computes no loss on held-out data",
    "nothing": "no trial can measure this fix: the problem makes the cost too low, so the fix raises it",
}


def screen_prescriptions(
    prescriptions: Iterable[Prescription], study: Study, known: Sequence[Candidate] = ()
) -> list[Candidate]:
    """Run each new edited script once and compare it with the baseline. Return the known and the new candidates.

    A prescription that results in a known source is added to the candidate with that source.
    """
    keys = {p.key for candidate in known for p in candidate.prescriptions}
    new_prescriptions = [p for p in prescriptions if p.key not in keys]
    candidates = {candidate.edit_id: candidate for candidate in merge_equal_edits(new_prescriptions, study, known)}
    new = [edit for edit, c in candidates.items() if c.record is None and (c.is_untried or not c.reason)]
    has_gain = any(c.shows_gain for c in known)
    tried = _run_and_judge([_set_metric(candidates[edit], study) for edit in new], study, before_proof=has_gain)
    ran = dict(zip(new, tried))
    # An edit that was moved to another line has a new key.
    candidates = {c.edit_id: c for c in (ran.get(edit, c) for edit, c in candidates.items())}
    changed = [c.edit_id for c in candidates.values() if any(p.key not in keys for p in c.requested_by)]
    return list(_judge_by_other_metrics(candidates, changed, study).values())


def merge_equal_edits(
    prescriptions: Iterable[Prescription], study: Study, known: Sequence[Candidate] = ()
) -> list[Candidate]:
    """Make a candidate for each new edited script, and return all candidates. The new ones have not been run."""
    candidates = {candidate.edit_id: candidate for candidate in known}
    for prescription in prescriptions:
        made = _make_candidate(prescription, study)
        same = candidates.get(made.edit_id)
        candidates[made.edit_id] = made if same is None else _add_prescription(prescription, same)
    return list(candidates.values())


def in_prescribed_order(prescriptions: Iterable[Prescription], candidates: Iterable[Candidate]) -> list[Candidate]:
    """Sort the candidates into the order of the prescriptions. The label of a candidate is that of its first one."""
    owners = {p.key: candidate for candidate in candidates for p in candidate.prescriptions}
    found: dict[Hashable, list[Prescription]] = {}
    for prescription in prescriptions:
        found.setdefault(owners[prescription.key].edit_id, []).append(prescription)
    by_edit = {candidate.edit_id: candidate for candidate in owners.values()}
    return [_put_first(own, by_edit[edit]) for edit, own in found.items()]


def _put_first(prescriptions: Sequence[Prescription], candidate: Candidate) -> Candidate:
    """Move some prescriptions to the front of a candidate's prescriptions. The first one gives it its label."""
    keys = {prescription.key for prescription in prescriptions}
    return _set_prescriptions((*prescriptions, *(p for p in candidate.prescriptions if p.key not in keys)), candidate)


def _make_candidate(prescription: Prescription, study: Study) -> Candidate:
    """Apply a prescription to the script. Return the candidate, or one with the reason why the edit is impossible."""
    try:
        edited = prescription.apply(study.script)
    except NotApplicable as error:
        return Candidate(prescription, None, reason=error.reason, requested_by=(prescription,))
    return Candidate(prescription, edited, requested_by=(prescription,))


def _add_prescription(prescription: Prescription, candidate: Candidate) -> Candidate:
    """Add a prescription that leads to the same edited script as the candidate. It then no longer counts as tuned."""
    return _set_prescriptions((*candidate.prescriptions, prescription), replace(candidate, untuned=None))


def _set_prescriptions(prescriptions: tuple[Prescription, ...], candidate: Candidate) -> Candidate:
    """Replace the prescriptions of a candidate. The first one gives it its label and, if it has not run, its metric."""
    first = replace(
        prescriptions[0],
        judged_on=candidate.prescription.judged_on if candidate.record is not None else prescriptions[0].judged_on,
        of_fact=any(p.of_fact for p in prescriptions),
        much=all(p.much for p in prescriptions),
    )
    return replace(candidate, prescription=first, requested_by=prescriptions)


def _set_metric(candidate: Candidate, study: Study, judged_on: JudgedOn | None = None) -> Candidate:
    """Return the candidate for a comparison by another metric, with the reason if that is impossible."""
    baseline, judged_on = study.baseline, judged_on or candidate.prescription.judged_on
    prescription, reason = replace(candidate.prescription, judged_on=judged_on), ""
    if judged_on != "metric" and has_opponents(baseline) and not has_exploded(baseline):
        reason = OPPOSING_OPTIMIZER
    elif not metric_name(baseline, judged_on):
        reason = MISSING.get(judged_on, NO_METRIC)
    return Candidate(prescription, candidate.script, reason=reason, requested_by=candidate.requested_by)


def _run_and_judge(candidates: Sequence[Candidate], study: Study, *, before_proof: bool = False) -> list[Candidate]:
    """Run candidates, compare them with the baseline, and reject edits that change nothing or change the task."""
    ran = run_candidates(candidates, study, before_proof=before_proof)
    try:
        judged = list(judge_unpaired(move_edits_to_overrides(ran, study), study))
        return list(reject_changed_evaluations(judged, study))
    except OutOfTime:  # A gain does not count without these checks.
        return [replace(c, record=None, value=nan, reason=OUT_OF_TIME) if c.shows_gain else c for c in ran]


def _judge_by_other_metrics(
    candidates: dict[Hashable, Candidate], edits: Sequence[Hashable], study: Study
) -> dict[Hashable, Candidate]:
    """Compare each edit without a gain by its other metrics, one after another, until one shows a gain."""
    others = {edit: _other_metrics(candidates[edit], study.baseline) for edit in edits}
    while without_gain := [edit for edit in edits if others[edit] and _shows_no_gain(candidates[edit])]:
        again = [_set_metric(candidates[edit], study, others[edit].pop(0)) for edit in without_gain]
        for edit, candidate in zip(without_gain, _run_and_judge(again, study)):
            if candidate.shows_gain or (candidates[edit].reason and not candidate.reason):
                candidates[edit] = candidate
    return candidates


def _shows_no_gain(candidate: Candidate) -> bool:
    """Return whether an edited script did not fail, but its gain is too small or unknown."""
    ending = candidate.record.ending if candidate.record else None
    has_failed = ending is not None and ending.has_failed
    if candidate.script is None or has_failed or candidate.has_no_effect or candidate.is_untried:
        return False
    return bool(candidate.reason) or (isfinite(candidate.value) and not candidate.shows_gain)


def _other_metrics(candidate: Candidate, baseline: Record) -> list[JudgedOn]:
    """Return the other metrics by which an edit is compared if the first metric shows no gain.

    The remedy of a fact is compared by the logged metric, too, if no loss can compare it. A metric on held-out data
    compares it also if the loss shows no gain, because a wrong connection may matter on those data alone.
    """
    first, metric = candidate.prescription.judged_on, main_metric(baseline)
    if first == "nothing":
        return []  # The problem makes every cost look too low, so a correct fix cannot show a gain.
    found = [p.judged_on for p in candidate.prescriptions if p.judged_on not in ("nothing", "time")]
    if metric is not None and candidate.prescription.of_fact:
        is_unjudged = bool(candidate.reason) and first in LOSS_METRICS
        if is_unjudged or (metric.is_held_out is True and not candidate.reason and first == "fixed"):
            found.append("metric")
    return [judged_on for judged_on in dict.fromkeys(found) if judged_on != first]
