"""Tries what might make a script a little better in which nothing is wrong: what wins is told, and never applied."""

from collections.abc import Sequence
from dataclasses import replace

from descend.doctor.remedies import Prescription
from descend.doctor.trials.confirm import confirm
from descend.doctor.trials.outcome import screened
from descend.doctor.trials.proof import PROVED, Proof, Steps
from descend.doctor.trials.screen import screen
from descend.doctor.trials.study import Study

CONFIRMED = 3  # of those that show a gain at first, the best


def suggest(prescriptions: Sequence[Prescription], study: Study, proof: Proof) -> Steps:
    """Try each change by itself and yield its trial with the others; it is `suggested` where the gain holds."""
    little = [replace(prescription, much=False) for prescription in prescriptions]
    candidates = screen(little, study)
    best = sorted((c for c in candidates if c.helps), key=lambda c: c.left)[:CONFIRMED]
    for candidate in candidates:
        trial = confirm(candidate, study) if candidate in best else screened(candidate, study.baseline)
        if trial.verdict in PROVED:
            trial = replace(trial, verdict="suggested")
        proof = proof.telling(trial)
        yield proof
    return proof
