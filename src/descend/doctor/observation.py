"""Observations: a search shows that a run learns with an edit. That is no diagnosis, as no cause is known."""

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from statistics import fmean

from descend.doctor.assess.summary import summarise
from descend.doctor.assess.symptom import Symptom
from descend.doctor.catalog import CATALOG
from descend.doctor.record import Record
from descend.doctor.trials.proof import PROVED, Proof
from descend.doctor.trials.trial import Trial, TrialRun
from descend.doctor.trials.verdicts import Verdict

WON = (*PROVED, Verdict.HELPS, Verdict.PARTLY_FIXES)


def rewrite_as_observation(symptom: Symptom, proof: Proof, record: Record) -> Symptom:
    """Rewrite the finding of a general search as an observation: which edit helped, and by how much.

    Return any other finding unchanged.
    """
    if symptom.id not in CATALOG or not CATALOG[symptom.id].observes:
        return symptom
    trial = _best_trial(symptom, proof)
    if trial is None:
        return replace(symptom, is_observation=True)
    improves = "learns" if summarise(record).fails() else "does better"
    sentence = f'With the edit "{trial.label}" the run {improves}: {_effect_phrase(trial)}'
    return replace(symptom, is_observation=True, sentence=f"{sentence}. No known problem explains why.")


def _best_trial(symptom: Symptom, proof: Proof) -> Trial | None:
    """Return the fix if it treats this symptom, else the successful trial with the lowest cost, if there is one."""
    if proof.fix is not None and symptom.id == proof.fix.symptom:
        return proof.fix
    won = [t for t in proof.trials if t.symptom == symptom.id and t.verdict in WON and isfinite(t.after)]
    return min(won, key=lambda trial: (trial.verdict not in PROVED, trial.after), default=None)


def _effect_phrase(trial: Trial) -> str:
    """Return the effect of a trial as a phrase: the accuracy before and after if known, else the evaluation metric."""
    before, after = _mean_accuracy(trial.baseline), _mean_accuracy(trial.treated)
    seeds = f" (mean of {len(trial.seeds)} seeds)" if len(trial.seeds) > 1 else ""
    if before is not None and after is not None and trial.judged_on == "fixed":
        return f"accuracy {100 * before:.3g} % → {100 * after:.3g} % on the fixed training examples{seeds}"
    return f"{trial.metric}: {trial.before:.3g} → {trial.after:.3g}{seeds}"


def _mean_accuracy(runs: Sequence[TrialRun]) -> float | None:
    """Return the mean accuracy of several runs; None if any of them has no accuracy."""
    known = [run.accuracy for run in runs if run.accuracy is not None]
    return fmean(known) if known and len(known) == len(runs) else None
