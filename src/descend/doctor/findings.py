"""Make the case from the symptoms and the trials: which symptoms become findings, and at which lines."""

from dataclasses import replace
from math import inf, isfinite

from descend.doctor.assess.constant_prediction import constant_cost
from descend.doctor.assess.summary import summarise
from descend.doctor.assess.symptom import Symptom, unexplained_symptoms
from descend.doctor.case import Case
from descend.doctor.catalog import CATALOG, GENERAL, SEARCHES
from descend.doctor.catalog.diagnosis import detect
from descend.doctor.observation import rewrite_as_observation
from descend.doctor.record import Record, Site, SiteKind, facts
from descend.doctor.record.request_log import RequestLog
from descend.doctor.script.file_change import changes_of
from descend.doctor.script.run_names import EndReason
from descend.doctor.trials.candidate import reference_cost
from descend.doctor.trials.proof import PROVED, Proof
from descend.doctor.trials.verdicts import Verdict

WON = (Verdict.PROVED, Verdict.TRAIN_LONGER, Verdict.PARTLY_FIXES, Verdict.HELPS)
# Source locations of these kinds concern the whole training. If a fix rewrites lines, its first rewritten line is
# reported instead of such a location.
WHOLE_RUN = ("backward", "model")


def build_case(record: Record, proof: Proof) -> Case:
    """Build the diagnosis of a run. Its findings are the certain symptoms and those that a trial has confirmed.

    A certain symptom that a trial has refuted is not a finding. If the network learns nothing and no edit could decide
    about the suspicions, the first suspicion is reported without proof.
    """
    symptoms = list(proof.symptoms)
    known = [s for s in symptoms if s.id not in proof.withdrawn and (s.certain or s.id in proof.confirmed)]
    named = unexplained_symptoms([s for s in known if s.id not in GENERAL])
    general = [s for s in known if s.id in GENERAL]
    # A general search that found a successful edit shows where the mistake is. Without such an edit, it only shows that
    # there is a mistake.
    confirmed = [s for s in general if s.id in proof.confirmed]
    findings = rank_findings([*named, *(confirmed or ([] if named else general))], proof, record)
    suspected = [s for s in unexplained_symptoms(symptoms) if s.id not in proof.withdrawn]
    findings = findings or [s for s in suspected if _is_likely_but_untested(s, record, proof)][:1]
    findings = _merge_findings_of_same_edit(findings, proof)
    seen = {s.id for s in symptoms}
    findings = [replace(s, explains=s.explains & seen) for s in findings]
    reported = {s.id for s in findings} | {i for s in findings for i in s.explains}
    findings = [rewrite_as_observation(s, proof, record) for s in _locate_at_fixes(findings, proof, record)]
    bare_s = record.ending.wall_s - record.ending.probe_s if record.ending else 0.0
    # If there are findings, they name the cause, so the symptoms of general searches are not listed as suspicions.
    open_ones = [s for s in symptoms if s.id not in reported and not (findings and s.certain and s.id in GENERAL)]
    suspicions = tuple(s for s in open_ones if not is_settled_by_fix(s, proof, record))
    ended_early = record.ending if record.ending is not None and record.ending.reason == EndReason.INTERRUPTED else None
    proof = replace(
        proof,
        # The fix is listed first.
        trials=tuple(sorted(proof.trials, key=lambda trial: trial is not proof.fix)),
        interrupted=proof.interrupted or record.ending is None or ended_early is not None,
        interruption=ended_early.status if ended_early else proof.interruption,
    )
    return Case(record, tuple(findings), suspicions, proof, bare_s)


def is_settled_by_fix(symptom: Symptom, proof: Proof, record: Record) -> bool:
    """Return whether a suspected problem of the baseline run is absent in the run with the proved fix.

    Trial runs take few measurements. So the problem counts as absent only if the trial run has each measured series
    that the check reads from the baseline run.
    """
    fixed = proof.trial_run
    if symptom.certain or symptom.id not in CATALOG or fixed is None or proof.fix is None:
        return False
    if proof.fix.verdict not in PROVED:
        return False
    log = RequestLog.of(record)
    if detect(symptom.id, log) is None:  # It was found only after an edit.
        return False
    needed = {name for name in log.requests if record.places(name)}
    return needed <= {name for name, _ in fixed.readings} and detect(symptom.id, record.with_readings_of(fixed)) is None


def _merge_findings_of_same_edit(findings: list[Symptom], proof: Proof) -> list[Symptom]:
    """Merge an uncertain finding into an earlier one if every edit that fixes it also fixes the earlier one.

    One edit that removes two problems shows one mistake: the earlier finding then explains the later one.
    """
    won = [trial for trial in proof.trials if trial.verdict in WON]
    kept: list[Symptom] = []
    for symptom in findings:
        edits = {trial.edit_id for trial in won if symptom.id in trial.symptoms}
        of = next((k for k in kept if edits and edits <= {t.edit_id for t in won if k.id in t.symptoms}), None)
        if of is None or symptom.certain:
            kept.append(symptom)
        else:
            kept[kept.index(of)] = replace(of, explains=of.explains | {symptom.id})
    return kept


def _locate_at_fixes(findings: list[Symptom], proof: Proof, record: Record) -> list[Symptom]:
    """Return the findings, located at the lines that their fixes edit; keep one general finding per line."""
    located = [replace(s, where=_site_of_fix(s, proof, record) or s.where) for s in findings]
    kept: list[Symptom] = []
    for symptom in located:
        same_line = [
            other for other in kept if other.id in GENERAL and _file_and_line(other) == _file_and_line(symptom)
        ]
        if symptom.id not in GENERAL or not same_line:
            kept.append(symptom)
    return kept


def _site_of_fix(symptom: Symptom, proof: Proof, record: Record) -> Site | None:
    """Return the place in the source where an edit fixed the symptom, or else the first line that the fix rewrites.

    Return None if the symptom already has a specific line, or if the fix is for another symptom.
    """
    if symptom.id in proof.at:
        return record.site(*proof.at[symptom.id])
    fix = proof.fix
    is_located = symptom.id not in SEARCHES[-1] and (symptom.where is None or symptom.where.kind not in WHOLE_RUN)
    if fix is None or fix.script is None or symptom.id not in fix.symptoms or is_located:
        return None
    # A fix can combine several remedies. The smallest trial for this symptom has the fewest edits for other problems.
    parts = [t for t in proof.trials if symptom.id in t.symptoms and t.remedies == fix.remedies[: len(t.remedies)]]
    edited = min([fix, *parts], key=lambda trial: len(trial.remedies)).script or fix.script
    rewritten = [(c.file, first + 1) for c in changes_of(edited) for first, end, _ in c.lines if end > first]
    return Site(SiteKind.FIX, "", *rewritten[0]) if rewritten else None


def _file_and_line(symptom: Symptom) -> tuple[str, int] | None:
    """Return the file and line of a symptom; None if its place in the source is unknown."""
    return (symptom.where.file, symptom.where.line) if symptom.where else None


def _is_likely_but_untested(symptom: Symptom, record: Record, proof: Proof) -> bool:
    """Return whether a run learns nothing and a suspected problem is likely, but no trial of its remedies could be run.

    If the network's loss depends on its own random samples, it is unknown whether the network learns.
    """
    if record.fact(facts.SelfSampledLoss):
        return False
    trials = [trial for trial in proof.trials if symptom.id in trial.symptoms]
    untried = bool(trials) and all(not trial.was_judged and not trial.treated for trial in trials)
    is_likely = symptom.likely and constant_cost(record) is not None
    return untried and is_likely and summarise(record).is_stuck(symptom.optimizer)


def rank_findings(findings: list[Symptom], proof: Proof, record: Record) -> list[Symptom]:
    """Return the findings, worst first: certain ones in catalog order, then others by the effect of their remedies."""

    def remaining_cost(symptom: Symptom) -> float:
        """Return the lowest cost that a remedy of this symptom reached, as a share of the cost without the remedy."""
        trials = [trial for trial in proof.trials if symptom.id in trial.symptoms]
        costs = [(t.after, reference_cost(t.before, record, t.judged_on)) for t in trials if isfinite(t.after)]
        return min((after / whole for after, whole in costs), default=inf)

    def sort_key(symptom: Symptom) -> tuple[bool, float]:
        """Return the sort key of a finding: certain ones first, then by the remaining cost."""
        is_known_fact = symptom.certain and symptom.id not in GENERAL
        return (False, 0.0) if is_known_fact else (True, round(remaining_cost(symptom), 1))

    return sorted(findings, key=sort_key)
