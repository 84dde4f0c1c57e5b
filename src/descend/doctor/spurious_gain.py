"""Reject spurious gains: an edit must not introduce a problem that makes the measured loss lower than it honestly is.

For example, an edit that removes a causal mask lets the network see its own target. The loss falls, although the
network has learned nothing.
"""

from collections.abc import Sequence
from dataclasses import replace

from descend.doctor.assess.logged_metric import main_metric, samples_its_own_loss
from descend.doctor.catalog import CATALOG
from descend.doctor.catalog.diagnosis import diagnose
from descend.doctor.record import Record, facts
from descend.doctor.remedies import QUANTITIES, JudgedOn
from descend.doctor.trials.proof import Proof, ProofSteps
from descend.doctor.trials.prove import Prescribe, prove
from descend.doctor.trials.remaining_failure import complete_trial_run, still_fails
from descend.doctor.trials.run_times import OutOfTime
from descend.doctor.trials.study import Study
from descend.doctor.trials.trial import Trial
from descend.doctor.trials.verdicts import Verdict

SPURIOUS = "with this edit {problem}, so the lower loss does not mean that the network has learned more"
UNBOUNDED = (
    "the edit removes the lower bound of the loss, so the loss can fall without limit even if nothing is learned"
)
NOT_CHECKED = "too little time was left to check whether the edit introduces a problem that lowers the loss"


def prove_and_check(stages: Sequence[Prescribe], study: Study, proof: Proof) -> ProofSteps:
    """Try remedies until one is proved (see `prove`), and yield no proof with a fix whose gain may be spurious."""
    steps = prove(stages, study, proof)
    while True:
        try:
            yield reject_spurious_fix(next(steps), study)
        except StopIteration as end:
            return reject_spurious_fix(end.value, study)


def spurious_gain_message(trial: Trial, trial_run: Record | None, study: Study) -> str:
    """Return a sentence if an edit of a trial makes the loss too low or removes its lower bound; otherwise "".

    trial_run: the run of the trial with the seed of the baseline run. A remedy for a known problem removes nothing of
    unknown purpose. So it is examined only if the follow-up will examine the script too, and only for the lower bound.
    """
    if trial.script is None:
        return ""
    is_of_search = any(part.prescription.of_search for part in trial.parts)
    if not is_of_search and not _may_make_loss_unbounded(trial, trial_run, study):
        return ""
    edited = study.observe_once(trial.script.with_examined_edits())
    introduced = (
        _loss_lowering_problems(edited) - _loss_lowering_problems(study.baseline) if is_of_search else set[str]()
    )
    if introduced:
        return SPURIOUS.format(problem=CATALOG[min(introduced)].title)
    return UNBOUNDED if makes_loss_unbounded(study.baseline, edited, trial.judged_on) else ""


def reject_spurious_fix(proof: Proof, study: Study) -> Proof:
    """Return the trial results without their fix, if its gain is spurious or no time is left to check that."""
    fix = proof.fix
    if fix is None:
        return proof
    try:
        reason = spurious_gain_message(fix, proof.trial_run, study)
    except OutOfTime:
        unchecked = replace(fix, verdict=Verdict.NOT_PROVED, reason=NOT_CHECKED)
        without = proof.with_trial(unchecked, instead_of=fix).without_fix()
        return replace(without, confirmed=proof.confirmed - frozenset(fix.symptoms))
    return proof.with_fix_rejected(reason) if reason else proof


def makes_loss_unbounded(record: Record, edited: Record, judged_on: JudgedOn) -> bool:
    """Return whether an edit removes the lower bound of the loss, so that a lower loss does not mean better learning.

    record: the run without the edit. edited: the run with it. A script whose evaluation data are random draws is
    exempt, because the bound of its loss is unknown.
    """
    if not _has_removable_bound(record, judged_on) or samples_its_own_loss(edited):
        return False
    after = edited.fact(facts.Reachability)
    return after is not None and after.unbounded


def _has_removable_bound(record: Record, judged_on: JudgedOn) -> bool:
    """Return whether the loss of a run has a lower bound, without which a lower loss would mean nothing.

    A comparison by a share, such as the accuracy, does not need it: a share is always bounded.
    """
    metric, known = main_metric(record), record.fact(facts.Reachability)
    is_by_share = judged_on == "metric" and metric is not None and metric.kind == "share"
    return known is not None and not known.unbounded and not is_by_share and not samples_its_own_loss(record)


def _may_make_loss_unbounded(trial: Trial, trial_run: Record | None, study: Study) -> bool:
    """Return whether the follow-up will check a remedy for the lower bound of the loss, and may find it removed.

    The settings of optimizers, data loaders and loops do not change the loss function.
    """
    if QUANTITIES.keys() >= set(trial.remedies) or not _has_removable_bound(study.baseline, trial.judged_on):
        return False
    return still_fails(trial, complete_trial_run(study, trial, trial_run), study.baseline)


def _loss_lowering_problems(record: Record) -> set[str]:
    """Return the ids of the certain problems of a run that make its loss too low, such as a leak of the targets."""
    return {s.id for s in diagnose(record) if s.certain and CATALOG[s.id].flatters}
