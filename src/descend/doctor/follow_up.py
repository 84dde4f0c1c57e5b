"""Follow-up: one mistake may hide another, so a script that still fails with its fix is examined again.

The script to examine is the one with the fix or, if no trial won, with the best remedy of a fact. A second remedy is
kept only if both together are proved on the original script and are better than the first alone. Both are then the fix.
"""

from dataclasses import dataclass, replace
from math import inf, isfinite
from pathlib import Path

from descend.doctor.assess.symptom import Symptom
from descend.doctor.catalog import GENERAL
from descend.doctor.catalog.diagnosis import diagnose
from descend.doctor.codemod.line_mapping import original_line
from descend.doctor.findings import build_case
from descend.doctor.hypotheses import Hypotheses
from descend.doctor.record import Record, Site, SiteKey
from descend.doctor.remedies import JudgedOn
from descend.doctor.script.script import Script
from descend.doctor.spurious_gain import UNBOUNDED, makes_loss_unbounded, spurious_gain_message
from descend.doctor.trials.ablation import find_required_parts, join_parts
from descend.doctor.trials.candidate import Candidate, run_candidates
from descend.doctor.trials.confirm import confirm_on_fresh_seeds
from descend.doctor.trials.evaluation_metric import final_cost
from descend.doctor.trials.proof import Proof, ProofSteps, final_proof
from descend.doctor.trials.prove import prove
from descend.doctor.trials.remaining_failure import complete_trial_run, still_fails
from descend.doctor.trials.statistics import MARGIN, is_as_good, shows_gain
from descend.doctor.trials.study import Study
from descend.doctor.trials.trial import Part, Trial
from descend.doctor.trials.verdicts import Verdict

MOST_FOLLOW_UPS = 3  # largest number of follow-ups; each one examines the script with all fixes found so far
NOT_ALL = "a part of this fix works equally well without the rest"
NOT_ALONE = "this fix works better together with the remedy that the follow-up found"


@dataclass(frozen=True)
class PartlyFixedScript:
    """A script with a first fix applied, in which a second mistake may remain."""

    script: Script
    symptom: str
    remedies: tuple[str, ...]
    label: str
    judged_on: JudgedOn
    after: float  # the cost with the fix on fresh seeds; infinite if the fix is not proved
    parts: tuple[Part, ...] = ()  # the remedies that the fix combines
    at: SiteKey | None = None  # kind and key of the place in the source that the fix edits; None if unknown


def run_follow_ups(study: Study, proof: Proof) -> ProofSteps:
    """Diagnose a script that still fails with its fix, and repeat this for each further fix; yield all trial results.

    Problems that a follow-up finds are added to the symptoms in the trial results.
    """
    # Each pair is the state before a follow-up: the trial results, and the remaining problems that were found.
    known = [(proof, list[Symptom]())]
    while len(known) <= MOST_FOLLOW_UPS:
        proof, remaining = _complete_run_of_fix(study, known[-1][0]), known[-1][1]
        if (first := find_partly_fixed_script(proof, study)) is None:
            break
        after, found = _diagnose_fixed_script(study, proof, first)
        # If the latest fix turns out to be wrong, go back to the fix before it.
        if proof.fix and not after.fix and len(known) > 1:
            earlier, remaining = known[-2]
            return _append_remaining_problems(remaining, restore_earlier_results(after, earlier))
        ids = {symptom.id for symptom in found}
        known.append((after, [*(s for s in remaining if s.id not in ids), *found]))
        is_last, proof = after.fix is proof.fix or not found, after
        yield _append_remaining_problems(known[-1][1], proof)
        if is_last:
            break
    if proof.fix is not known[0][0].fix:
        proof = remove_unneeded_parts(study, proof)
    return _append_remaining_problems(known[-1][1], proof)


def _append_remaining_problems(remaining: list[Symptom], proof: Proof) -> Proof:
    """Return the trial results, with the problems that remain after the fix appended to the symptoms.

    If a problem was also detected in the original script, it is reported as it was detected there.
    """
    by_id = {s.id: s for s in proof.symptoms if s.id not in GENERAL}
    ids = {symptom.id for symptom in remaining}
    before = [replace(s, explains=s.explains - ids) for s in proof.symptoms if s.id not in ids]
    return replace(proof, symptoms=(*before, *(by_id.get(s.id, s) for s in remaining)))


def _diagnose_fixed_script(study: Study, proof: Proof, first: PartlyFixedScript) -> tuple[Proof, list[Symptom]]:
    """Diagnose a script with a first fix, and try further remedies; return the trial results and remaining problems.

    If no further remedy is kept, only certain problems that were hidden before count as remaining problems.
    """
    fixed, record = first.script.with_examined_edits(), study.baseline
    second = study.observe_once(fixed)
    if makes_loss_unbounded(record, second, first.judged_on):
        return proof.with_fix_rejected(UNBOUNDED), []
    if second.ending is None or not second.can_be_compared:
        return proof, []
    hypotheses = Hypotheses(fixed, study.plan, second)
    further = Proof(tuple(hypotheses.symptoms))
    if hypotheses.symptoms:
        further = final_proof(prove(hypotheses.stages, study.for_script(fixed, second), further))
    both = combine_fixes(first, further.fix, proof, study)
    if both.fix is proof.fix:
        kept = both if both.fix else confirm_fix_of_certain_problem(second, both, study)
        return kept, [
            locate_in_original_file(fixed, s, first) for s in newly_visible_mistakes(record, hypotheses.symptoms, first)
        ]
    found = [locate_in_original_file(fixed, s, first) for s in build_case(second, further).findings]
    confirmed = both.confirmed | {first.symptom, *(symptom.id for symptom in found)}
    at = {**both.at, first.symptom: first.at} if first.at else both.at
    return replace(both, confirmed=confirmed, at=at), found


def find_partly_fixed_script(proof: Proof, study: Study) -> PartlyFixedScript | None:
    """Return the script with its fix if it still fails. Without a fix, return it with an unproved remedy, if any.

    That remedy is the best one of a certain problem.
    """
    fix, record = proof.fix, study.baseline
    if fix is None:
        known = proof.unproved_fix
        if known is None or known.script is None:
            return None
        p = known.prescription
        return PartlyFixedScript(
            known.script, p.symptom, p.remedies, p.label, p.judged_on, inf, known.applied_parts, p.at
        )
    if fix.script is None or not still_fails(fix, proof.trial_run, record):
        return None
    return PartlyFixedScript(fix.script, fix.symptom, fix.remedies, fix.label, fix.judged_on, fix.after, fix.parts)


def _complete_run_of_fix(study: Study, proof: Proof) -> Proof:
    """Return the trial results, with a run of the fixed script that includes the output after the last step."""
    if proof.fix is None:
        return proof
    return replace(proof, trial_run=complete_trial_run(study, proof.fix, proof.trial_run))


def combine_fixes(first: PartlyFixedScript, second: Trial | None, proof: Proof, study: Study) -> Proof:
    """Try two fixes together; return the trial results, with both as the fix if they are proved better than one."""
    if second is None or second.script is None or second.verdict != Verdict.PROVED:
        return proof
    parts = (*first.parts, *second.parts)
    [candidate] = run_candidates([join_parts(parts, second.script, _common_metric(first, second))], study)
    if not candidate.shows_gain:
        return proof
    trial = replace(confirm_on_fresh_seeds(candidate, study), parts=parts)
    if trial.verdict != Verdict.PROVED or not shows_gain(
        _cost_with_first_fix(first, trial, proof, study.baseline), trial.after
    ):
        return proof.with_trial(trial)
    if reason := spurious_gain_message(trial, candidate.record, study):
        return proof.with_trial(replace(trial, verdict=Verdict.NOT_PROVED, reason=reason))
    return _replace_fix(trial, candidate, NOT_ALONE, proof)


def _replace_fix(trial: Trial, candidate: Candidate, reason: str, proof: Proof) -> Proof:
    """Return the trial results with `trial` as the fix; `reason` says why the previous fix is replaced."""
    rest = [replace(t, verdict=Verdict.HELPS, reason=reason) if t is proof.fix else t for t in proof.trials]
    return proof.with_fix(trial, candidate.record).with_trials((trial, *rest))


def _cost_with_first_fix(first: PartlyFixedScript, both: Trial, proof: Proof, record: Record) -> float:
    """Return the cost of a run with only the first fix, in the evaluation metric of the run with both fixes."""
    if both.judged_on == first.judged_on or proof.trial_run is None:
        return first.after
    return final_cost(proof.trial_run, both.judged_on, record)


def confirm_fix_of_certain_problem(second: Record, proof: Proof, study: Study) -> Proof:
    """Make the remedy of a certain problem the fix if it removes the problem and the cost on fresh seeds does not rise.

    second: the run with the remedy. The cost need not fall: correcting a softmax along the batch dimension, for
    example, may leave the loss unchanged.
    """
    candidate = proof.unproved_fix
    before, after = ({s.id for s in diagnose(r) if s.certain} for r in (study.baseline, second))
    if candidate is None or not (gone := (before - after).intersection(candidate.symptoms)):
        # An edit from the general search may change the same line, but it does not count as a remedy of the problem.
        return proof
    trial = confirm_on_fresh_seeds(candidate, study)
    if not trial.was_judged or trial.gain[0] < -MARGIN:
        return proof
    fix = trial if trial.verdict == Verdict.PROVED else replace(trial, verdict=Verdict.PARTLY_FIXES, reason="")
    rest = [t for t in proof.trials if t.edit_id != fix.edit_id]
    proof = replace(proof, fix=fix, trial_run=candidate.record, confirmed=proof.confirmed | gone)
    return proof.with_trials((fix, *rest))


def newly_visible_mistakes(record: Record, symptoms: list[Symptom], first: PartlyFixedScript) -> list[Symptom]:
    """Return the certain mistakes in the training loop that were detected only after a proved fix was applied."""
    if not isfinite(first.after) or first.symptom in GENERAL:
        return []
    before = {symptom.id for symptom in diagnose(record)}
    return [s for s in symptoms if s.certain and s.kind == "wiring" and s.id not in before]


def _common_metric(first: PartlyFixedScript, second: Trial) -> JudgedOn:
    """Return the metric that evaluates both fixes: logged metric or training loss if one needs it, else the default."""
    special: tuple[JudgedOn, ...] = ("metric", "training")
    return next((metric for metric in special if metric in (first.judged_on, second.judged_on)), "fixed")


def remove_unneeded_parts(study: Study, proof: Proof) -> Proof:
    """Return the trial results, with the fix reduced to its required parts if these are proved on fresh seeds."""
    fix = proof.fix
    if fix is None or proof.trial_run is None:
        return proof
    found = find_required_parts(fix.parts, proof.trial_run, fix.judged_on, study)
    if found is None:
        return proof
    parts, candidate = found
    trial = replace(confirm_on_fresh_seeds(candidate, study), parts=parts)
    if trial.verdict != Verdict.PROVED or not is_as_good(trial.after, fix.after):
        return proof.with_trial(trial)
    removed = {part.prescription.symptom for part in fix.parts} - {part.prescription.symptom for part in parts}
    at = {part.prescription.symptom: site for part in parts if (site := part.prescription.at)}
    return replace(
        _replace_fix(trial, candidate, NOT_ALL, proof),
        tuning=proof.tuning,
        confirmed=proof.confirmed - removed,
        rejected=proof.rejected | removed,
        judged=proof.judged | removed,
        at={**proof.at, **at},
    )


def restore_earlier_results(proof: Proof, earlier: Proof) -> Proof:
    """Return the earlier trial results, plus the later trials that were rejected for making the loss unbounded."""
    return earlier.with_trials((*earlier.trials, *(t for t in proof.trials if t.reason == UNBOUNDED)))


def locate_in_original_file(script: Script, symptom: Symptom, first: PartlyFixedScript) -> Symptom:
    """Return a symptom of a fixed script with its line in the original file and a sentence that names the fix."""
    sentence = f"After this edit ({first.label}): {symptom.sentence}"
    where = symptom.where if symptom.where is None else _site_in_original(script, symptom.where)
    return replace(symptom, where=where, sentence=sentence)


def _site_in_original(script: Script, site: Site) -> Site:
    """Convert a place in an edited file to the corresponding lines of the original file."""
    file = Path(site.file)
    if file not in script.edits:
        return site
    line = original_line(script.unedited_text(file), script.read(file), site.line)
    if line is None:
        return site
    return replace(site, line=line, end_line=line + max(0, site.end_line - site.line))
