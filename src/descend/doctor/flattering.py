"""A fix must not flatter itself: no edit may bring in a fault that makes the measured loss lower than it honestly is.

A search that removes a causal mask lets the network see its own target. The loss falls, and nothing is learned.
"""

from descend.doctor.canon import CANON
from descend.doctor.canon.diagnosis import diagnose
from descend.doctor.record import Record
from descend.doctor.trials.proof import Proof
from descend.doctor.trials.study import Study
from descend.doctor.trials.trial import Trial

FLATTERS = "with this edit {fault}: the lower loss is not honest"


def flattery(trial: Trial, study: Study) -> str:
    """Return why the gain of a trial is not honest: the fault that its edits bring in; "" where they bring in none.

    Only edits of a search are examined: a remedy for a named problem removes nothing whose purpose is unknown.
    """
    if trial.script is None or not any(part.prescription.of_search for part in trial.parts):
        return ""
    faults = _flattering_faults(study.examine(trial.script.to_be_examined())) - _flattering_faults(study.baseline)
    return FLATTERS.format(fault=CANON[min(faults)].title) if faults else ""


def without_flattery(proof: Proof, study: Study) -> Proof:
    """Return the proof; without its fix, and with the reason, where that flatters itself."""
    reason = flattery(proof.cure, study) if proof.cure is not None else ""
    return proof.with_fix_rejected(reason) if reason else proof


def _flattering_faults(record: Record) -> set[str]:
    return {s.id for s in diagnose(record) if s.certain and CANON[s.id].flatters}
