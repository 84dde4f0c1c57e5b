"""From symptoms and trials to a case: what is told as a finding, where it stands, and what remains a suspicion."""

from dataclasses import replace
from math import inf, isfinite

from descend.doctor.canon import GENERAL, SEARCHES
from descend.doctor.case import Case
from descend.doctor.course.progress import constant_cost, is_stuck
from descend.doctor.observation import as_observation
from descend.doctor.record import Record, Site, facts
from descend.doctor.script.change import changes_of
from descend.doctor.symptoms import Symptom, causes
from descend.doctor.trials.candidate import reference
from descend.doctor.trials.proof import Proof

WON = ("proved", "train_longer", "mends", "helps")
EVERYWHERE = ("backward", "model")  # sites of what concerns all of a training: the cure's own line says more


def conclude(record: Record, proof: Proof) -> Case:
    """Report a fact unless a trial has refuted it, and a suspicion only when a trial of its remedy has won.

    Where nothing trains and no edit can be made that would decide, the first suspicion is told, without a proof.
    """
    symptoms = list(proof.symptoms)
    known = [s for s in symptoms if s.id not in proof.withdrawn and (s.certain or s.id in proof.confirmed)]
    named = causes([s for s in known if s.id not in GENERAL])
    general = [s for s in known if s.id in GENERAL]
    cured = [s for s in general if s.id in proof.confirmed]  # says where the mistake is, the others that there is one
    others = cured or ([] if named else general)
    findings = ranked([*named, *others], proof, record)
    suspected = [s for s in causes(symptoms) if s.id not in proof.withdrawn]
    findings = findings or [s for s in suspected if _cannot_be_tried(s, record, proof)][:1]
    findings = _one_for_each_edit(findings, proof)
    seen = {s.id for s in symptoms}
    findings = [replace(s, explains=s.explains & seen) for s in findings]
    held = {s.id for s in findings} | {i for s in findings for i in s.explains}
    findings = [as_observation(s, proof, record) for s in _at_their_places(findings, proof, record)]
    bare_s = record.ending.wall_s - record.ending.probe_s if record.ending else 0.0
    # A certain fault without a name is the one that the findings name, so it is not also a suspicion.
    suspicions = tuple(s for s in symptoms if s.id not in held and not (findings and s.certain and s.id in GENERAL))
    ended_early = record.ending if record.ending is not None and record.ending.reason == "interrupted" else None
    return Case(
        record,
        tuple(findings),
        suspicions,
        tuple(sorted(proof.trials, key=lambda trial: trial is not proof.cure)),  # the cure's first
        proof.cure,
        proof.verified,
        bare_s,
        interrupted=proof.interrupted or record.ending is None or ended_early is not None,
        interruption=ended_early.status if ended_early else proof.interruption,
        tuning=proof.tuning,
        dismissed=tuple(sorted(proof.dismissed)),
        changed=proof.changed,
    )


def _one_for_each_edit(findings: list[Symptom], proof: Proof) -> list[Symptom]:
    """Return the findings without the suspicions that only edits for an earlier finding have confirmed.

    One edit that removes two problems shows one fault: the earlier finding then explains the later one.
    """
    won = [trial for trial in proof.trials if trial.verdict in WON]
    kept: list[Symptom] = []
    for symptom in findings:
        edits = {trial.edit for trial in won if symptom.id in trial.symptoms}
        of = next((k for k in kept if edits and edits <= {t.edit for t in won if k.id in t.symptoms}), None)
        if of is None or symptom.certain:
            kept.append(symptom)
        else:
            kept[kept.index(of)] = replace(of, explains=of.explains | {symptom.id})
    return kept


def _at_their_places(findings: list[Symptom], proof: Proof, record: Record) -> list[Symptom]:
    """Return the findings where what cures them stands; of those that have no name of their own one for each place."""
    placed = [replace(s, where=_cured_at(s, proof, record) or s.where) for s in findings]
    kept: list[Symptom] = []
    for symptom in placed:
        told = [other for other in kept if other.id in GENERAL and _line(other) == _line(symptom)]
        if symptom.id not in GENERAL or not told:
            kept.append(symptom)
    return kept


def _cured_at(symptom: Symptom, proof: Proof, record: Record) -> Site | None:
    """Return the site that its winning edit names; of what points at none the first line that its cure rewrites."""
    if symptom.id in proof.at:
        return record.site(*proof.at[symptom.id])
    cure = proof.cure
    is_placed = symptom.id not in SEARCHES[-1] and (symptom.where is None or symptom.where.kind not in EVERYWHERE)
    if cure is None or cure.script is None or symptom.id not in cure.symptoms or is_placed:
        return None
    parts = [t for t in proof.trials if symptom.id in t.symptoms and t.remedies == cure.remedies[: len(t.remedies)]]
    own = min([cure, *parts], key=lambda trial: len(trial.remedies)).script or cure.script  # not what stood behind it
    rewritten = [(c.file, first + 1) for c in changes_of(own) for first, end, _ in c.lines if end > first]
    return Site("cure", "", *rewritten[0]) if rewritten else None


def _line(symptom: Symptom) -> tuple[str, int] | None:
    return (symptom.where.file, symptom.where.line) if symptom.where else None


def _cannot_be_tried(symptom: Symptom, record: Record, proof: Proof) -> bool:
    """Whether no edit can be made that would decide a suspicion, in a run that learns nothing at all.

    Of a network whose loss is made of its own draws that is not known: what it learns is in what it draws next.
    """
    if record.fact(facts.SelfSampledLoss):
        return False
    mine = [trial for trial in proof.trials if symptom.id in trial.symptoms]
    untried = bool(mine) and all(not trial.was_judged and not trial.treated for trial in mine)
    is_likely = symptom.likely and constant_cost(record) is not None
    return untried and is_likely and is_stuck(record, symptom.optimizer)


def ranked(findings: list[Symptom], proof: Proof, record: Record) -> list[Symptom]:
    """Facts with a name first, as they come; then others, by how much of the trouble their best remedy took away."""

    def left(symptom: Symptom) -> float:
        mine = [trial for trial in proof.trials if symptom.id in trial.symptoms]
        costs = [(t.after, reference(t.before, record, t.judged_on)) for t in mine if isfinite(t.after)]
        return min((after / whole for after, whole in costs), default=inf)

    def rank(symptom: Symptom) -> tuple[bool, float]:
        is_named_fact = symptom.certain and symptom.id not in GENERAL
        return (False, 0.0) if is_named_fact else (True, round(left(symptom), 1))

    return sorted(findings, key=rank)
