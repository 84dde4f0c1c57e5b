"""What stands behind a change: one mistake may hide another, so a mended script that is still poor is examined, too.

What is mended is the cure, or where nothing has won what mends a fact. What cures the rest is taken where both changes
together are proved on the script as it was, and do better than the first alone; then both are what is mended.
"""

from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from math import inf, isfinite
from pathlib import Path

from descend.doctor.canon import GENERAL
from descend.doctor.canon.diagnosis import diagnose
from descend.doctor.concluding import conclude
from descend.doctor.course.own_metric import draws_what_it_is_judged_on, own_metric
from descend.doctor.course.progress import LEFT_TO_LEARN
from descend.doctor.course.suffering import may_lack_unseen
from descend.doctor.flattering import flattery, without_flattery
from descend.doctor.record import Record, Site, facts
from descend.doctor.remedies import JudgedOn
from descend.doctor.script.script import Script
from descend.doctor.suspicion import Suspicion
from descend.doctor.symptoms import Symptom
from descend.doctor.trials.candidate import Candidate, reference, run_all
from descend.doctor.trials.confirm import confirm
from descend.doctor.trials.parts import joined, needed
from descend.doctor.trials.proof import Proof, Steps, last
from descend.doctor.trials.prove import prove
from descend.doctor.trials.statistics import MARGIN, as_good, promising
from descend.doctor.trials.study import Job, Study
from descend.doctor.trials.trial import Part, Trial
from descend.doctor.trials.yardsticks import yardstick

LOOKS = 3  # at what stands behind a change, one behind another
BOTTOMLESS = "the loss has no least value with it: it can be lowered for ever without a look at the data"
NOT_ALL = "some of it does as well alone"
NOT_ALONE = "with what was found behind it it does better"


@dataclass(frozen=True)
class Mended:
    """A script with a first change, behind which another mistake may stand."""

    script: Script
    symptom: str
    remedies: tuple[str, ...]
    label: str
    judged_on: JudgedOn
    after: float  # on fresh seeds, if it is proved; else infinite: anything is better
    parts: tuple[Part, ...] = ()  # the changes that it is made by
    at: tuple[str, str] | None = None  # kind and key of the site that it edits


def behind(study: Study, proof: Proof) -> Steps:
    """Examine the mended script where it is still poor, and again with what was found there.

    What is found is among the symptoms of the proofs.
    """
    proof = without_flattery(proof, study)
    known = [(proof, list[Symptom]())]  # the proof, and what was found, before each look
    while len(known) <= LOOKS:
        proof, hidden = _heard_out(study, known[-1][0]), known[-1][1]
        if (first := mended(proof, study)) is None:
            break
        after, found = _behind_one(study, proof, first)
        if proof.cure and not after.cure and len(known) > 1:  # what was added is no cure: what it was added to is one
            earlier, hidden = known[-2]
            return _with_hidden(hidden, gone_back(after, earlier))
        ids = {symptom.id for symptom in found}
        known.append((after, [*(s for s in hidden if s.id not in ids), *found]))
        is_last, proof = after.cure is proof.cure or not found, after
        yield _with_hidden(known[-1][1], proof)
        if is_last:
            break
    if proof.cure is not known[0][0].cure:
        proof = with_what_is_needed(study, proof)
    return _with_hidden(known[-1][1], proof)


def _with_hidden(hidden: list[Symptom], proof: Proof) -> Proof:
    """Return the proof with what was found behind its cure last; as it is told of the script as it was, if it is."""
    by_id = {s.id: s for s in proof.symptoms if s.id not in GENERAL}
    ids = {symptom.id for symptom in hidden}
    before = [replace(s, explains=s.explains - ids) for s in proof.symptoms if s.id not in ids]
    return replace(proof, symptoms=(*before, *(by_id.get(s.id, s) for s in hidden)))


def _behind_one(study: Study, proof: Proof, first: Mended) -> tuple[Proof, list[Symptom]]:
    """Return the proof, and what is found in a script with a first change, if its cure is taken.

    Else what is surely wrong there.
    """
    cured, record = first.script.to_be_examined(), study.baseline
    second = study.examine(cured)
    if takes_the_bottom_away(record, second, first):
        return withdrawn(proof), []
    if second.ending is None or not second.can_be_judged:
        return proof, []
    suspicion = Suspicion(cured, study.plan, second)
    further = Proof(tuple(suspicion.symptoms))
    if suspicion.symptoms:
        further = last(prove(suspicion.stages, study.of(cured, second), further))
    both = with_both(first, further.cure, proof, study)
    if both.cure is proof.cure:
        mend = both if both.cure else with_mend(second, both, study)
        return mend, [as_in(cured, s, first) for s in new_facts(record, suspicion.symptoms, first)]
    found = [as_in(cured, s, first) for s in conclude(second, further).findings]
    confirmed = both.confirmed | {first.symptom, *(symptom.id for symptom in found)}
    at = {**both.at, first.symptom: first.at} if first.at else both.at
    return replace(both, confirmed=confirmed, at=at), found


def mended(proof: Proof, study: Study) -> Mended | None:
    """Return the script as the cure leaves it, at the same budget, where that is poor; else with what mends a fact."""
    cure, record = proof.cure, study.baseline
    if cure is None:
        known = proof.mending
        if known is None or known.script is None:
            return None
        p = known.prescription
        return Mended(known.script, p.symptom, p.remedies, p.label, p.judged_on, inf, known.made_by, p.at)
    if cure.script is None or cure.verdict != "proved" or cure.judged_on not in ("fixed", "training", "metric"):
        return None
    is_poor = isfinite(cure.after) and cure.after > LEFT_TO_LEARN * reference(cure.before, record, cure.judged_on)
    if not is_poor and (proof.trial_run is None or not may_lack_unseen(record.with_course_of(proof.trial_run))):
        return None
    return Mended(cure.script, cure.symptom, cure.remedies, cure.label, cure.judged_on, cure.after, cure.parts)


def _heard_out(study: Study, proof: Proof) -> Proof:
    """Return the proof with the cure's run as far as what the script prints behind its last step.

    Where that was ended before it is made again.
    """
    cure, trial_run, ending = proof.cure, proof.trial_run, study.baseline.ending
    if cure is None or cure.script is None or trial_run is None or ending is None or ending.reason != "finished":
        return proof
    if set(study.baseline.places("own_number")) <= set(trial_run.places("own_number")):
        return proof
    [again] = study.run([Job(cure.script, trial_run.seed, trial_run.steps + 1)])
    return replace(proof, trial_run=again)


def with_both(first: Mended, second: Trial | None, proof: Proof, study: Study) -> Proof:
    """Return the proof with one cure of both where that is proved, and better than the first alone."""
    if second is None or second.script is None or second.verdict != "proved":
        return proof
    parts, on = (*first.parts, *second.parts), _judged_on(first, second)
    [candidate] = run_all([joined(parts, second.script, on)], study)
    if not candidate.helps:
        return proof
    trial = replace(confirm(candidate, study), parts=parts)
    if trial.verdict != "proved" or not promising(_alone(first, trial, proof, study.baseline), trial.after):
        return proof.telling(trial)
    if reason := flattery(trial, study):
        return proof.telling(replace(trial, verdict="not_proved", reason=reason))
    return _instead(trial, candidate, NOT_ALONE, proof)


def _instead(trial: Trial, candidate: Candidate, reason: str, proof: Proof) -> Proof:
    """Return the proof with another cure, told first, and of the one before why it is none any more."""
    rest = [replace(t, verdict="helps", reason=reason) if t is proof.cure else t for t in proof.trials]
    return proof.cured_by(trial, candidate.record).with_trials((trial, *rest))


def _alone(first: Mended, both: Trial, proof: Proof, record: Record) -> float:
    """Return what the first change alone leaves of what both are judged by."""
    if both.judged_on == first.judged_on or proof.trial_run is None:
        return first.after
    return yardstick(proof.trial_run, both.judged_on, record)[1]


def with_mend(second: Record, proof: Proof, study: Study) -> Proof:
    """Return the proof with a cure of what mends a fact.

    Where the fact is gone with it, and nothing is clearly worse on fresh seeds. What is surely wrong need not show in
    the yardstick: a softmax along the batch, a number that tells nothing.
    """
    candidate = proof.mending
    before, after = ({s.id for s in diagnose(r) if s.certain} for r in (study.baseline, second))
    if candidate is None or not (gone := (before - after).intersection(candidate.symptoms)):
        return proof  # a general edit in a fact's line is none of the fact
    trial = confirm(candidate, study)
    if not trial.was_judged or trial.gain[0] < -MARGIN:
        return proof
    mend = trial if trial.verdict == "proved" else replace(trial, verdict="mends", reason="")
    rest = [t for t in proof.trials if t.edit != mend.edit]
    proof = replace(proof, cure=mend, trial_run=candidate.record, confirmed=proof.confirmed | gone)
    return proof.with_trials((mend, *rest))


def new_facts(record: Record, symptoms: list[Symptom], first: Mended) -> list[Symptom]:
    """Return what is surely wired wrongly in a cured script, and could not be seen before; not behind a rough edit."""
    if not isfinite(first.after) or first.symptom in GENERAL:
        return []
    before = {symptom.id for symptom in diagnose(record)}
    return [s for s in symptoms if s.certain and s.kind == "wiring" and s.id not in before]


def _judged_on(first: Mended, second: Trial) -> JudgedOn:
    judges: tuple[JudgedOn, ...] = ("metric", "training")
    return next((by for by in judges if by in (first.judged_on, second.judged_on)), "fixed")


def with_what_is_needed(study: Study, proof: Proof) -> Proof:
    """Return the proof without what a cure that several looks have made up does as well without, on fresh seeds."""
    cure = proof.cure
    if cure is None or proof.trial_run is None:
        return proof
    found = needed(cure.parts, proof.trial_run, cure.judged_on, study)
    if found is None:
        return proof
    parts, candidate = found
    trial = replace(confirm(candidate, study), parts=parts)
    if trial.verdict != "proved" or not as_good(trial.after, cure.after):
        return proof.telling(trial)
    left = {part.prescription.symptom for part in cure.parts} - {part.prescription.symptom for part in parts}
    at = {part.prescription.symptom: place for part in parts if (place := part.prescription.at)}
    return replace(
        _instead(trial, candidate, NOT_ALL, proof),
        tuning=proof.tuning,
        confirmed=proof.confirmed - left,
        refuted=proof.refuted | left,
        judged=proof.judged | left,
        at={**proof.at, **at},
    )


def takes_the_bottom_away(record: Record, second: Record, first: Mended) -> bool:
    """Whether the loss has a least value, and none with the first change made: that is no mend.

    Where a share judges it, it is one: no share of right answers is raised for ever.
    """
    metric = own_metric(record)
    if first.judged_on == "metric" and metric is not None and metric.kind == "share":
        return False
    if draws_what_it_is_judged_on(record) or draws_what_it_is_judged_on(second):
        return False  # and what its loss is bounded by
    before, after = (r.fact(facts.Reachability) for r in (record, second))
    return before is not None and after is not None and after.unbounded and not before.unbounded


def gone_back(proof: Proof, earlier: Proof) -> Proof:
    """Return a proof as it was; what has been taken back meanwhile is among its trials."""
    return earlier.with_trials((*earlier.trials, *(t for t in proof.trials if t.reason == BOTTOMLESS)))


def withdrawn(proof: Proof) -> Proof:
    """Return the proof without its fix, with which the loss has no lower bound."""
    return proof.with_fix_rejected(BOTTOMLESS)


def as_in(script: Script, symptom: Symptom, first: Mended) -> Symptom:
    """Return what was found in an edited script, as is said, with its place in the file as it was: edits move lines."""
    sentence = f"{first.label}, and then: {symptom.sentence}"
    where = symptom.where if symptom.where is None else _moved(script, symptom.where)
    return replace(symptom, where=where, sentence=sentence)


def _moved(script: Script, site: Site) -> Site:
    file = Path(site.file)
    if file not in script.edits:
        return site
    old, new = script.unedited(file).splitlines(), script.read(file).splitlines()
    line = site.line - 1
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if k <= line < m:
            now = i + line - k if tag == "equal" else min(max(i, j - 1), len(old) - 1)
            return replace(site, line=now + 1, end_line=now + 1 + max(0, site.end_line - site.line))
    return site
