"""What a search finds: that the run learns with an edit is an observation, and no diagnosis, as no cause is known."""

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from statistics import fmean

from descend.doctor.canon import CANON
from descend.doctor.course.suffering import suffers
from descend.doctor.record import Record
from descend.doctor.symptoms import Symptom
from descend.doctor.trials.proof import PROVED, Proof
from descend.doctor.trials.trial import Trial, TrialRun

WON = (*PROVED, "helps", "mends")


def as_observation(symptom: Symptom, proof: Proof, record: Record) -> Symptom:
    """Return what a search has found as an observation of its best trial; a finding with a known cause as it is."""
    if symptom.id not in CANON or not CANON[symptom.id].observes:
        return symptom
    trial = _best_trial(symptom, proof)
    if trial is None:
        return replace(symptom, is_observation=True)
    sentence = f"{_with_edit(trial.label)} the run {'learns' if suffers(record) else 'does better'}: {_effect(trial)}"
    return replace(symptom, is_observation=True, sentence=f"{sentence}. No problem with a name explains why.")


def _best_trial(symptom: Symptom, proof: Proof) -> Trial | None:
    if proof.cure is not None and symptom.id == proof.cure.symptom:
        return proof.cure
    won = [t for t in proof.trials if t.symptom == symptom.id and t.verdict in WON and isfinite(t.after)]
    return min(won, key=lambda trial: (trial.verdict not in PROVED, trial.after), default=None)


def _with_edit(label: str) -> str:
    return label[0].upper() + label[1:] if label.lower().startswith("with") else f"With {label}"


def _effect(trial: Trial) -> str:
    """Return what the edit does to the accuracy, where it is known, else to what the trial measures."""
    before, after = _accuracy(trial.baseline), _accuracy(trial.treated)
    seeds = f" (mean of {len(trial.seeds)} seeds)" if len(trial.seeds) > 1 else ""
    if before is not None and after is not None and trial.judged_on == "fixed":
        return f"accuracy {100 * before:.3g} % → {100 * after:.3g} % on the fixed training examples{seeds}"
    return f"{trial.metric}: {trial.before:.3g} → {trial.after:.3g}{seeds}"


def _accuracy(runs: Sequence[TrialRun]) -> float | None:
    known = [run.accuracy for run in runs if run.accuracy is not None]
    return fmean(known) if known and len(known) == len(runs) else None
