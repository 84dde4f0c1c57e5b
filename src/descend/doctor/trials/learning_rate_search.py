"""Search for a better learning rate, with the script's optimizer and with Adam.

A remedy changes the best learning rate. A prescribed rate is below the stability limit for safety, and the script's
own rate was chosen with the problem present. So larger rates are tried in half decades (Bengio 2012, §3.1.1). The best
candidate with another optimizer is tuned as well: to compare one tuned optimizer with another at its default would be
unfair (Sivaprasad et al. 2020). Both candidates must be for the same symptom, as Adam tolerates many problems that it
does not fix.
"""

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, replace

from descend.core.bound import Bound
from descend.doctor.assess.opponents import has_opponents
from descend.doctor.remedies import Prescription, if_applicable
from descend.doctor.script.script import Script
from descend.doctor.trials.candidate import Candidate, run_candidates
from descend.doctor.trials.statistics import is_as_good
from descend.doctor.trials.study import Study

FACTORS = (3.0, 10.0, 30.0, 100.0)  # factors of the learning rate that are tried one after another
# factors of the learning rate that are all tried
SMALLER_AND_LARGER = (0.1, 10.0, 0.01, 100.0)
LEAST_LEFT = Bound(
    1e-3,
    "share of the lower one of two costs: of the baseline run and of the best constant prediction",
    "chosen: if the cost is already lower, no further gain would be visible",
)
LEAST_LEFT_FOR_OPTIMIZER = Bound(
    0.01,
    "share of the lower one of two costs: of the baseline run and of the best constant prediction",
    "chosen: if the cost is already lower, a different optimizer is not worth trying",
)


def tune_learning_rate(winners: Sequence[Candidate], study: Study, known: Collection[Hashable]) -> list[Candidate]:
    """Run the best candidate at larger and larger learning rates, also with a different optimizer; return all results.

    Edits in `known` are skipped. The list is empty if almost nothing is left to gain or no rate can be set.
    """
    best = winners[0]
    tried: list[Candidate] = []
    if best.prescription.judged_on != "fixed" or has_opponents(study.baseline):
        return []
    searches, known = _rate_searches(winners), set(known)
    while True:
        left = min(c.remaining_cost for c in (best, *tried) if c.shows_gain)
        running = [
            (search, c)
            for search in searches
            if left > search.least_left and (c := search.next_candidate(study.script, known)) is not None
        ]
        if not running:
            return tried
        ran = run_candidates([c for _, c in running], study, before_proof=True)
        for (search, _), candidate in zip(running, ran):
            search.tried.append(candidate)
        tried += ran


def run_at_other_learning_rates(
    candidates: Sequence[Candidate], study: Study, known: Collection[Hashable] = ()
) -> list[Candidate]:
    """Run each candidate at smaller and larger learning rates, and return the results. Skip edits in `known`."""
    made = []
    for candidate in candidates:
        at_rate = candidate.prescription.at_rate
        for prescription in map(at_rate, SMALLER_AND_LARGER) if at_rate is not None else ():
            edited = if_applicable(prescription.apply, study.script)
            if edited is not None:
                made.append(Candidate(prescription, edited, untuned=candidate))
    return run_candidates([c for c in made if c.edit_id not in known], study, before_proof=True)


def beats_learning_rate_alone(candidate: Candidate, study: Study) -> bool:
    """Return whether a remedy with a new learning rate is better than the new learning rate without the remedy."""
    prescription = candidate.prescription
    alone = replace(prescription, changes=prescription.changes[-1:])
    edited = if_applicable(alone.apply, study.script)
    if prescription.remedies[-1] != "learning_rate" or edited is None:
        return True
    [rate] = run_candidates([Candidate(alone, edited)], study, before_proof=True)
    if rate.is_untried:
        return False
    return not rate.shows_gain or not is_as_good(rate.remaining_cost, candidate.remaining_cost)


@dataclass
class _RateSearch:
    """Tries a candidate at larger and larger learning rates until the cost no longer falls."""

    candidate: Candidate
    remaining: list[Prescription]  # the candidate's prescription at each learning rate that has not been tried
    tried: list[Candidate]
    least_left: float  # the search ends when no more than this share of the reference cost is left

    def next_candidate(self, script: Script, known: set[Hashable]) -> Candidate | None:
        """Return the candidate at the next learning rate, and add its edit to `known`; None if the search ends."""
        best = min((c for c in self.tried if c.shows_gain), key=lambda c: c.remaining_cost, default=None)
        if self.tried and best is not self.tried[-1]:
            return None
        while self.remaining:
            prescription = self.remaining.pop(0)
            edited = if_applicable(prescription.apply, script)
            if edited is None:
                return None
            candidate = Candidate(prescription, edited, untuned=self.candidate)
            if candidate.edit_id not in known:
                known.add(candidate.edit_id)
                return candidate
        return None


def _rate_searches(winners: Sequence[Candidate]) -> list[_RateSearch]:
    """Return a search for the best candidate and, if possible, a second search with a different optimizer."""
    best = winners[0]
    others = [c for c in winners if c.prescription.symptom == best.prescription.symptom]
    rival = next((c for c in others if _is_adaptive(c) != _is_adaptive(best)), None)
    searches = [_RateSearch(best, _at_larger_rates(best), [best], LEAST_LEFT)]
    with_adam = best.prescription.with_adam
    if rival is not None:
        searches.append(_RateSearch(rival, _at_larger_rates(rival), [rival], LEAST_LEFT_FOR_OPTIMIZER))
    elif with_adam is not None:
        adam = [with_adam(factor) for factor in (1.0, *FACTORS)]
        searches.append(_RateSearch(best, adam, [], LEAST_LEFT_FOR_OPTIMIZER))
    return searches


def _at_larger_rates(candidate: Candidate) -> list[Prescription]:
    """Return the prescription of a candidate at each larger learning rate; an empty list if it must not be tuned."""
    at_rate = candidate.prescription.at_rate
    if at_rate is None or not candidate.prescription.tunes:
        return []
    return [at_rate(factor) for factor in FACTORS]


def _is_adaptive(candidate: Candidate) -> bool:
    """Return whether a candidate replaces the optimizer by an adaptive one such as Adam."""
    return "adaptive_rule" in candidate.prescription.remedies
