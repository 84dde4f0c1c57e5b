"""Reject spurious gains: an edit must not introduce a problem that makes the measured loss lower than it honestly is.

For example, an edit that removes a causal mask lets the network see its own target. The loss falls, although the
network has learned nothing.
"""

from descend.doctor.catalog import CATALOG
from descend.doctor.catalog.diagnosis import diagnose
from descend.doctor.record import Record
from descend.doctor.trials.proof import Proof
from descend.doctor.trials.study import Study
from descend.doctor.trials.trial import Trial

SPURIOUS = "with this edit {problem}, so the lower loss does not mean that the network has learned more"


def spurious_gain_message(trial: Trial, study: Study) -> str:
    """Return a sentence if an edit of a trial introduces a problem that makes the loss too low; otherwise "".

    Only the edits of a search are examined. A remedy for a known problem removes nothing of unknown purpose.
    """
    if trial.script is None or not any(part.prescription.of_search for part in trial.parts):
        return ""
    introduced = _loss_lowering_problems(study.observe_once(trial.script.with_examined_edits()))
    introduced -= _loss_lowering_problems(study.baseline)
    return SPURIOUS.format(problem=CATALOG[min(introduced)].title) if introduced else ""


def reject_spurious_fix(proof: Proof, study: Study) -> Proof:
    """Return the trial results without their fix, if it only lowers the loss by introducing a problem."""
    reason = spurious_gain_message(proof.fix, study) if proof.fix is not None else ""
    return proof.with_fix_rejected(reason) if reason else proof


def _loss_lowering_problems(record: Record) -> set[str]:
    """Return the ids of the certain problems of a run that make its loss too low, such as a leak of the targets."""
    return {s.id for s in diagnose(record) if s.certain and CATALOG[s.id].flatters}
