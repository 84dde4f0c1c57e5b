"""List what a consultation leaves out: with `--quick` all trials, with `--budget` those for which time is missing."""

from dataclasses import replace

from descend.doctor.assess.symptom import unexplained_symptoms
from descend.doctor.catalog.prescribe import prescribe
from descend.doctor.hypotheses import Hypotheses
from descend.doctor.observation_window import shortened_observation_message
from descend.doctor.trials.proof import Proof, UntriedRemedy
from descend.doctor.trials.screen import merge_equal_edits
from descend.doctor.trials.study import Study


def without_trials(hypotheses: Hypotheses, study: Study) -> Proof:
    """Return the proof of a consultation that tries no remedy, with the edits for all certain and likely problems."""
    symptoms = tuple(hypotheses.symptoms)
    proof = Proof(symptoms, limit="quick" if study.plan.quick else "budget")
    likely = frozenset(s.id for s in symptoms if s.certain or s.likely)
    return replace(proof, untried=_untried_remedies(hypotheses, study, proof, likely))


def add_left_out(skipped: list[str], hypotheses: Hypotheses, study: Study, proof: Proof) -> Proof:
    """Return the proof of a consultation with a budget, with what was left out because of it."""
    shortened = shortened_observation_message(study.baseline, study.plan)
    proof = replace(proof, skipped=(*([shortened] if shortened else []), *skipped))
    if not study.times.ran_out:
        return proof
    every = frozenset(s.id for s in proof.symptoms)
    return replace(proof, limit="budget", untried=_untried_remedies(hypotheses, study, proof, every))


def _untried_remedies(
    hypotheses: Hypotheses, study: Study, proof: Proof, ids: frozenset[str]
) -> tuple[UntriedRemedy, ...]:
    """Return the remedies for the known problems with these ids that change the script and have no trial."""
    problems = unexplained_symptoms([s for s in hypotheses.known_problems if s.id in ids])
    tried = {trial.edit_id for trial in proof.trials}
    return tuple(
        UntriedRemedy(c.prescription.remedies, c.prescription.label, c.symptoms, c.script.diff())
        for c in merge_equal_edits(prescribe(study.baseline, problems), study)
        if c.script is not None and c.edit_id not in tried
    )
