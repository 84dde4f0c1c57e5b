"""Find a fix: screen the remedies on one seed, confirm the best on fresh seeds, and compare it with its closest rival.

Every comparison is paired: the same seed, the same examples, the same number of steps, and an evaluation metric that
no remedy can change.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from math import inf, isfinite

from descend.doctor.assess.summary import summarise
from descend.doctor.remedies import Prescription
from descend.doctor.trials.candidate import Candidate
from descend.doctor.trials.combine import combine_with_best, run_pairs, run_with_fact_fix
from descend.doctor.trials.confirm import confirm_on_fresh_seeds
from descend.doctor.trials.learning_rate_search import (
    beats_learning_rate_alone,
    run_at_other_learning_rates,
    tune_learning_rate,
)
from descend.doctor.trials.outcome import screening_trial
from descend.doctor.trials.proof import PROVED, Proof, ProofSteps
from descend.doctor.trials.ranking import is_workaround, judged_suspicions, rank_candidates, rejected_suspicions
from descend.doctor.trials.screen import in_prescribed_order, screen_prescriptions
from descend.doctor.trials.statistics import is_as_good
from descend.doctor.trials.study import Study
from descend.doctor.trials.trial import Trial
from descend.doctor.trials.tuning import (
    Confirmed,
    best_without_tuning,
    cheapest_fix_first,
    separate_tuning,
    with_tuning_patch,
)
from descend.doctor.trials.verdicts import Verdict
from descend.doctor.trials.withdrawal import MOST_REMEDIES, withdraw_findings

MOST_CONFIRMED = 2  # largest number of candidates that are run on fresh seeds in one round
MOST_FAILED = 4  # largest number of candidates that may fail on fresh seeds in one stage
NO_BETTER = "on fresh seeds, this remedy is no better than the fix"

# function that gets the ids of the rejected causes and returns the remedies to try
Prescribe = Callable[[frozenset[str]], list[Prescription]]
Reported = dict[Hashable, Trial]  # edited source -> its trial, in the order of the report


def prove(stages: Sequence[Prescribe], study: Study, proof: Proof) -> ProofSteps:
    """Try the remedies of each stage until one is proved to fix the training; yield the proof after each trial.

    A suspicion is rejected if its remedies fail on fresh seeds. Its consequences then become suspicions of their own.
    """
    candidates: list[Candidate] = []
    for prescribe in stages:
        most, left_out = len(proof.failed) + MOST_FAILED, inf
        while proof.fix is None and len(proof.failed) < most:
            failed_before = len(proof.failed)
            study.require_time_for_a_run()
            candidates, proof = _screen_stage(prescribe, study, candidates, proof)
            # These trials are kept even if the time is over before a remedy is proved.
            yield _add_reported_trials(_screening_trials(candidates, study, proof), proof)
            candidates, ranked = _tune(candidates, study, proof)
            proof = yield from _confirm_best(candidates, ranked, study, proof)
            left_out_before, left_out = left_out, sum(c.is_untried for c in candidates)
            if len(proof.failed) == failed_before and not 0 < left_out < left_out_before:
                break  # all candidates of this stage have been tried, or no time is left for the others
    # A run that learns well could always be improved a little, so pairs of remedies are tried only if the run fails.
    if proof.fix is None and len(stages) > 1 and summarise(study.baseline).fails():
        proof = yield from _confirm_pair(candidates, study, proof)
    if proof.fix is None:
        ran = [c for c in candidates if c.prescription.of_fact and c.script is not None and not c.reason]
        best = min((c for c in ran if c.prescription.times == 1), key=_cost_or_infinity, default=None)
        proof = replace(proof, unproved_fix=best)
    return (yield from withdraw_findings(candidates, study, proof))


def _screen_stage(
    prescribe: Prescribe, study: Study, candidates: list[Candidate], proof: Proof
) -> tuple[list[Candidate], Proof]:
    """Run each remedy of a stage once. If they reject a suspected cause, also run the remedies of its consequences."""
    while True:
        prescriptions = prescribe(proof.rejected)
        candidates = screen_prescriptions(prescriptions, study, candidates)
        current = in_prescribed_order(prescriptions, candidates)
        current = [replace(c, value=float("nan")) if c.edit_id in proof.failed else c for c in current]
        newly_rejected = rejected_suspicions(current) - proof.rejected
        proof = replace(
            proof, judged=proof.judged | judged_suspicions(current), rejected=proof.rejected | newly_rejected
        )
        if not newly_rejected:
            edits = {c.edit_id for c in current}
            return current + [c for c in candidates if c.edit_id not in edits], proof


def _open_candidates(candidates: Sequence[Candidate], proof: Proof) -> list[Candidate]:
    """Return the untuned candidates that have not failed on fresh seeds and whose suspected cause is not rejected."""
    alive = [c for c in candidates if c.prescription.of_fact or not proof.rejected.issuperset(c.symptoms)]
    return [c for c in alive if c.untuned is None and c.edit_id not in proof.failed]


def _tune(candidates: list[Candidate], study: Study, proof: Proof) -> tuple[list[Candidate], list[Candidate]]:
    """Run the best candidates at other learning rates. Return all candidates, and those with a gain, best first."""
    ranked = rank_candidates([c for c in _open_candidates(candidates, proof) if c.shows_gain])
    if not ranked:
        return _tune_fact_remedies(candidates, study, proof)
    tuned = tune_learning_rate(cheapest_fix_first(ranked), study, {c.edit_id for c in candidates})
    return candidates + tuned, rank_candidates([*ranked, *(c for c in tuned if c.shows_gain)])


def _tune_fact_remedies(
    candidates: list[Candidate], study: Study, proof: Proof
) -> tuple[list[Candidate], list[Candidate]]:
    """Run the remedies of definite findings at other learning rates. Return all candidates, and those with a gain.

    The script's learning rate was chosen with the problem present. A gain of the learning rate alone does not count.
    """
    ran = [c for c in _open_candidates(candidates, proof) if c.record is not None and not c.reason]
    of_facts = [c for c in ran if c.prescription.of_fact and not c.prescription.of_search]
    tuned = run_at_other_learning_rates(of_facts[:MOST_REMEDIES], study, {c.edit_id for c in candidates})
    gains = [c for c in rank_candidates([c for c in tuned if c.shows_gain]) if beats_learning_rate_alone(c, study)]
    return candidates + tuned, gains


def _confirm_best(candidates: Sequence[Candidate], ranked: list[Candidate], study: Study, proof: Proof) -> ProofSteps:
    """Run the best candidates on fresh seeds until one is proved, then compare it with the next best one.

    The suspicions whose candidates all fail are rejected.
    """
    others, winners = _open_candidates(candidates, proof), _drop_other_tuned(ranked) if ranked else []
    combined = [c for c in combine_with_best(winners, others, study) if c.edit_id not in proof.failed]
    by_edit = {
        c.edit_id: c for c in reversed((*combined, *winners, *candidates))
    }  # If several candidates have the same edit, keep the first.
    queue = list({c.edit_id: c for c in (*combined, *winners)}.values())[:MOST_CONFIRMED]
    reported = _screening_trials(list(reversed(by_edit.values())), study, proof)
    proof = _add_reported_trials(reported, proof)
    yield proof
    for candidate in queue:
        trial = confirm_on_fresh_seeds(candidate, study)
        reported[candidate.edit_id] = trial
        if trial.verdict in PROVED:
            proof = _add_fix(candidate, trial, candidates, _add_reported_trials(reported, proof))
            yield proof
            return _compare_with_rival((candidate, trial), ranked, candidates, reported, study, proof)
        proof = replace(_add_reported_trials(reported, proof), failed={**proof.failed, candidate.edit_id: trial})
        # A definite finding may prevent the gain on other seeds, so a remedy for it is added to the candidate.
        both = run_with_fact_fix(candidate, others, study, proof.failed)
        if both is not None and both.shows_gain:
            queue.append(both)
            reported[both.edit_id] = screening_trial(both, study.baseline)
            proof = _add_reported_trials(reported, proof)
        yield proof
    suspected = {p.symptom for c in queue for p in c.prescriptions if not p.of_fact}
    return replace(proof, rejected=proof.rejected | suspected)


def _screening_trials(candidates: Sequence[Candidate], study: Study, proof: Proof) -> Reported:
    """Return the trial of each candidate that was tried: its failed trial on fresh seeds, or else its single run."""
    tried = [c for c in candidates if not c.is_untried]
    return {c.edit_id: proof.failed.get(c.edit_id) or screening_trial(c, study.baseline) for c in tried}


def _add_reported_trials(reported: Reported, proof: Proof) -> Proof:
    """Return the proof with the trials of this round and with the earlier trials that failed on fresh seeds."""
    earlier = (trial for edit, trial in proof.failed.items() if edit not in reported)
    return proof.with_trials((*reported.values(), *earlier))


def _add_fix(candidate: Candidate, trial: Trial, candidates: Sequence[Candidate], proof: Proof) -> Proof:
    """Return the proof with a new fix. Confirm the suspected causes for which a remedy has shown a gain."""
    gains = _candidates_with_gain(candidates, proof)
    best_last = sorted([*gains, candidate], key=lambda c: (c is not candidate, c.remaining_cost), reverse=True)
    at = {p.symptom: p.at for c in best_last for p in c.prescriptions}
    sites = {symptom: site for symptom, site in at.items() if site}
    return _confirm_causes(gains, replace(proof.with_fix(trial, candidate.record), at=sites))


def _candidates_with_gain(candidates: Sequence[Candidate], proof: Proof) -> list[Candidate]:
    """Return the candidates that show a gain in their first run and have not failed on fresh seeds."""
    return [c for c in candidates if c.shows_gain and c.edit_id not in proof.failed]


def _confirm_causes(gains: Sequence[Candidate], proof: Proof) -> Proof:
    """Return the proof in which the suspected causes whose remedies show a gain are confirmed.

    A search has no remedy, so its suspicion is confirmed only if the fix contains its edit.
    """
    fixed = {part.prescription.symptom for part in proof.fix.parts} if proof.fix is not None else set()
    prescribed = [p for candidate in gains for p in candidate.prescriptions]
    won = frozenset(p.symptom for p in prescribed if not p.of_search or p.symptom in fixed)
    return replace(proof, confirmed=won - proof.rejected)


def _drop_other_tuned(winners: list[Candidate]) -> list[Candidate]:
    """Remove the tuned candidates except for the best one, which is followed by the same candidate without tuning."""
    first = winners[0]
    untuned = [] if first.untuned is None else [first.untuned]
    return [first, *untuned, *(c for c in winners[1:] if c.untuned is None and c not in untuned)]


def _compare_with_rival(
    proved: Confirmed,
    ranked: list[Candidate],
    candidates: Sequence[Candidate],
    reported: Reported,
    study: Study,
    proof: Proof,
) -> Proof:
    """Run the closest rival of a proved candidate on fresh seeds. Return the proof with the better one as the fix."""
    rival = best_without_tuning(proved[0], ranked, study) or _closest_rival(proved[0], ranked)
    if rival is None:
        return proof
    trial = confirm_on_fresh_seeds(rival, study)
    reported[rival.edit_id] = trial
    return _confirm_causes(
        _candidates_with_gain(candidates, proof),
        _choose_better_fix(proved, (rival, trial), _add_reported_trials(reported, proof)),
    )


def _closest_rival(proved: Candidate, ranked: list[Candidate]) -> Candidate | None:
    """Return the proved candidate without its tuning or, if it has none, the best candidate with a lower cost."""
    if proved.untuned is not None:
        return proved.untuned
    alike = [
        c
        for c in ranked
        if c.prescription.of_fact == proved.prescription.of_fact and c.remaining_cost < proved.remaining_cost
    ]
    alike = [c for c in alike if not is_workaround(c, ranked)]
    return min(alike, key=lambda c: c.remaining_cost, default=None)


def _choose_better_fix(first: Confirmed, rival: Confirmed, proof: Proof) -> Proof:
    """Return the proof with the better one of two fixes: the less invasive one, unless the other is clearly better.

    If one is the tuned version of the other, the untuned one is the fix and the other is reported as tuning.
    """
    if rival[1].verdict not in PROVED:
        return proof
    cheaper, dearer = sorted([first, rival], key=lambda confirmed: (confirmed[0].invasiveness, confirmed[1].after))
    is_enough, separated = is_as_good(cheaper[1].after, dearer[1].after), separate_tuning(first, rival)
    taken, other = separated or ((cheaper, dearer) if is_enough else (dearer, cheaper))
    proof = proof.with_fix(taken[1], taken[0].record)
    if separated and not is_as_good(taken[1].after, other[1].after):
        shown = with_tuning_patch(taken[0], *other)
        proof = replace(proof, tuning=shown)
    else:
        shown = replace(other[1], verdict=Verdict.HELPS, reason=NO_BETTER if is_enough or separated else "")
    return proof.with_trial(shown, instead_of=other[1])


def _confirm_pair(candidates: list[Candidate], study: Study, proof: Proof) -> ProofSteps:
    """Run pairs of candidates. A pair that is proved on fresh seeds is the fix and confirms both suspected causes."""
    tried = sorted((c for c in run_pairs(candidates, study) if c.shows_gain), key=lambda c: c.remaining_cost)
    for both in tried[:MOST_CONFIRMED]:
        trial = confirm_on_fresh_seeds(both, study)
        proof = proof.with_trial(trial)
        if trial.verdict in PROVED:
            won = {part.prescription.symptom: part.prescription.at for part in both.parts}
            return replace(
                proof.with_fix(trial, both.record),
                confirmed=proof.confirmed | won.keys(),
                rejected=proof.rejected - won.keys(),
                at={**proof.at, **{symptom: at for symptom, at in won.items() if at}},
            )
        yield proof
    return proof


def _cost_or_infinity(candidate: Candidate) -> float:
    """Return the final cost of a candidate, or infinity if its run diverged."""
    return candidate.value if isfinite(candidate.value) else inf
