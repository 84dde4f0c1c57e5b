"""Suggestions: edits that might slightly improve a script without a problem. They are reported, never applied."""

from collections.abc import Sequence
from dataclasses import replace

from descend.doctor.remedies import Prescription
from descend.doctor.trials.confirm import confirm_on_fresh_seeds
from descend.doctor.trials.outcome import screening_trial
from descend.doctor.trials.proof import PROVED, Proof, ProofSteps
from descend.doctor.trials.screen import screen_prescriptions
from descend.doctor.trials.study import Study
from descend.doctor.trials.verdicts import Verdict

MOST_CONFIRMED = 3  # number of candidates that are run on fresh seeds: the best ones in their first run


def suggest(prescriptions: Sequence[Prescription], study: Study, proof: Proof) -> ProofSteps:
    """Try each edit alone, and yield the proof after each trial. Edits with a confirmed gain are suggested."""
    candidates = screen_prescriptions([replace(prescription, much=False) for prescription in prescriptions], study)
    best = sorted((c for c in candidates if c.shows_gain), key=lambda c: c.remaining_cost)[:MOST_CONFIRMED]
    for candidate in (c for c in candidates if not c.is_untried):
        trial = (
            confirm_on_fresh_seeds(candidate, study)
            if candidate in best
            else screening_trial(candidate, study.baseline)
        )
        if trial.verdict in PROVED:
            trial = replace(trial, verdict=Verdict.SUGGESTED)
        proof = proof.with_trial(trial)
        yield proof
    return proof
