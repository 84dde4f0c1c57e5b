"""Try the remedies for one observed run: the rounds of trials in their order."""

from dataclasses import replace
from functools import partial

from descend.core.errors import UsageError
from descend.doctor.catalog.prescribe import prescribe
from descend.doctor.catalog.suggestible import suggestible_problems
from descend.doctor.findings import build_case
from descend.doctor.follow_up import run_follow_ups
from descend.doctor.hypotheses import Hypotheses
from descend.doctor.spurious_gain import prove_and_check
from descend.doctor.trials.external_files import ExternalFileChanged
from descend.doctor.trials.proof import Proof, ProofSteps, Round, run_rounds
from descend.doctor.trials.reproduce import check_reproduction
from descend.doctor.trials.run_times import OutOfTime
from descend.doctor.trials.speed import try_faster_steps
from descend.doctor.trials.study import Study
from descend.doctor.trials.suggest import suggest
from descend.doctor.trials.trial import Trial
from descend.doctor.untried import add_left_out, without_trials

PROOF = "the proof of a fix on fresh seeds"
COMPARISON = "the comparison of the fix with the next best remedy"


def run_trials(study: Study) -> Proof:
    """Try the remedies for a recorded run in several rounds, and return the results of all trials.

    If the user presses Ctrl-C, return the results so far.
    """
    record, hypotheses = study.baseline, Hypotheses(study.script, study.plan, study.baseline)
    proof, skipped = Proof(), list[str]()
    try:
        proof = without_trials(hypotheses, study) if study.plan.quick else Proof(tuple(hypotheses.symptoms))
        can_help = not study.plan.quick and bool(proof.symptoms or study.plan.suggest)
        rounds = _rounds(hypotheses, study) if can_help and record.can_be_compared else {}
        for part, run_round in rounds.items():
            try:
                for current in run_rounds([run_round], proof):
                    if (changed := _changed_fix(proof, current)) is not None:
                        study.context.show_fix(changed)
                    proof = current
            except OutOfTime:
                skipped.append(COMPARISON if part == PROOF and proof.fix else part)
        return add_left_out(skipped, hypotheses, study, proof)
    except KeyboardInterrupt as error:
        proof = replace(proof, symptoms=proof.symptoms or tuple(hypotheses.symptoms)).with_interruption(error)
    except (ExternalFileChanged, UsageError) as error:  # For example, the script can no longer be copied.
        proof = replace(proof, changed=str(error))
    return add_left_out(skipped, hypotheses, study, proof)


def _changed_fix(before: Proof, after: Proof) -> Trial | None:
    """Return the trial of a new fix, or that of a withdrawn fix with its new verdict; None if the fix is the same."""
    if after.fix is not None or before.fix is None:
        return None if after.fix is before.fix else after.fix
    return next((trial for trial in after.trials if trial.edit_id == before.fix.edit_id), None)


def _rounds(hypotheses: Hypotheses, study: Study) -> dict[str, Round]:
    """Return the rounds of trials in their order, each with its name in the list of what was left out."""
    for_time = [p for p in prescribe(study.baseline, hypotheses.symptoms) if p.judged_on == "time"]
    return {
        PROOF: partial(prove_and_check, hypotheses.stages, study),
        "the trials of faster steps": partial(try_faster_steps, for_time, study),
        "the search for further problems of the fixed script": partial(run_follow_ups, study),
        "the check of the patch under plain python": partial(_reproduce_fix, study),
        "the trials of small improvements": partial(_try_improvements, study),
    }


def _reproduce_fix(study: Study, proof: Proof) -> ProofSteps:
    """Check that the fix has the same effect if the patched script is run by plain Python."""
    yield (proof := check_reproduction(study, proof))
    return proof


def _try_improvements(study: Study, proof: Proof) -> ProofSteps:
    """Try improvements of a script without a known problem, if the user has requested suggestions."""
    if study.plan.suggest and build_case(study.baseline, proof).can_be_improved:
        proof = yield from suggest(prescribe(study.baseline, suggestible_problems()), study, proof)
    return proof
