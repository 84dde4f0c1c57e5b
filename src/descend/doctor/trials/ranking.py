"""Rank the candidates of a case, and decide which suspicions their screening rejects."""

from collections.abc import Sequence
from math import isfinite

from descend.doctor.trials.candidate import Candidate
from descend.doctor.trials.effect import SAME_RUN
from descend.doctor.trials.statistics import is_as_good, removes_most_of_failure


def judged_suspicions(candidates: Sequence[Candidate]) -> frozenset[str]:
    """Return the ids of the suspected causes that have been tested: a remedy that decides about them was run.

    A line that a search omits without any effect on the run is not the cause, so that counts as a result too.
    """
    by_symptom = _group_by_symptom(candidates)

    def was_judged(candidate: Candidate) -> bool:
        """Return whether a candidate was run and compared, or showed that a line has no effect on the run."""
        is_ruled_out = candidate.prescription.of_search and candidate.reason == SAME_RUN
        return candidate.record is not None and (not candidate.reason or is_ruled_out)

    return frozenset(name for name in by_symptom if any(map(was_judged, _deciding_candidates(name, by_symptom))))


def rejected_suspicions(candidates: Sequence[Candidate]) -> frozenset[str]:
    """Return the ids of suspected causes whose decisive remedies bring no gain, or far less than other remedies."""
    by_symptom, rejected = _group_by_symptom(candidates), set()
    for symptom, own in by_symptom.items():
        if any(c.is_untried for c in own):
            continue
        compared = [c for c in own if isfinite(c.remaining_cost) and not _is_neutral(c, symptom)]
        best = min((c.remaining_cost for c in compared), default=float("nan"))
        decisive = _deciding_candidates(symptom, by_symptom)
        if not any(c.shows_gain and removes_most_of_failure(c.remaining_cost, best) for c in decisive):
            rejected.add(symptom)
    return frozenset(rejected)


def _group_by_symptom(candidates: Sequence[Candidate]) -> dict[str, list[Candidate]]:
    """Return a dictionary from the id of each problem to the candidates that were prescribed for it."""
    symptoms = dict.fromkeys(symptom for c in candidates for symptom in c.symptoms)
    return {symptom: [c for c in candidates if symptom in c.symptoms] for symptom in symptoms}


def _deciding_candidates(symptom: str, candidates: dict[str, list[Candidate]]) -> Sequence[Candidate]:
    """Return the candidates whose trials can confirm or reject a suspected cause; all its candidates if none ran."""
    own = candidates[symptom]
    ran = [c for c in own if not c.reason]
    return [c for c in ran if any(p.can_confirm for p in c.prescriptions if p.symptom == symptom)] or own


def _is_neutral(candidate: Candidate, symptom: str) -> bool:
    """Return whether the gain of a candidate says nothing about a suspected cause."""
    return all(p.neutral for p in candidate.prescriptions if p.symptom == symptom)


def rank_candidates(candidates: list[Candidate]) -> list[Candidate]:
    """Sort the candidates into the order in which they should be run on fresh seeds.

    Workarounds are last. A remedy of a fact that removes most of the failure is first. Among candidates about as good
    as the best, the cheapest is first; all others are sorted by their cost. A remedy that draws other random numbers
    needs to remove only most of the failure to count as good, as its exact cost is chance.
    """
    best = min((c.remaining_cost for c in candidates if not is_workaround(c, candidates)), default=1.0)

    def sort_key(candidate: Candidate) -> tuple[bool, bool, bool, int, float]:
        """Return the sort key of a candidate. Candidates with a smaller key are run on fresh seeds first."""
        left, prescription = candidate.remaining_cost, candidate.prescription
        removes_failure = removes_most_of_failure(left, best)
        is_good = is_as_good(left, best) or prescription.redraws and removes_failure
        fixes_fact = prescription.of_fact and removes_failure
        cost = candidate.invasiveness if is_good else 0
        return is_workaround(candidate, candidates), not fixes_fact, not is_good, cost, left

    return sorted(candidates, key=sort_key)


def is_workaround(candidate: Candidate, candidates: Sequence[Candidate]) -> bool:
    """Return whether a candidate only avoids a problem whose cause another remedy fixes without a larger edit.

    That makes the candidate a workaround: it tolerates the problem, or removes something that the author wants.
    """
    if _fixes_cause(candidate):
        return False
    same = [c for c in candidates if set(c.symptoms) & set(candidate.symptoms)]
    return any(
        _fixes_cause(c)
        and c.invasiveness <= candidate.invasiveness
        and removes_most_of_failure(c.remaining_cost, candidate.remaining_cost)
        for c in same
    )


def _fixes_cause(candidate: Candidate) -> bool:
    """Return whether a remedy fixes the cause of a problem without removing anything that the author wants."""
    return candidate.prescription.can_confirm and not candidate.prescription.gives_up
