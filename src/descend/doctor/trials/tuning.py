"""Separate a fix from its tuning: a better learning rate or optimizer becomes a separate patch."""

from collections.abc import Sequence
from dataclasses import replace

from descend.doctor.trials.candidate import Candidate, run_candidates
from descend.doctor.trials.combine import merge_candidates
from descend.doctor.trials.statistics import is_as_good
from descend.doctor.trials.study import Study
from descend.doctor.trials.trial import Trial

TUNING = frozenset({"learning_rate", "adaptive_rule"})  # remedies that only change how large the optimizer steps are

Confirmed = tuple[Candidate, Trial]  # a candidate and its trial on fresh seeds


def is_tuned_version(candidate: Candidate, of: Candidate) -> bool:
    """Return whether a candidate is `of` with tuning: the same edits plus another learning rate or optimizer."""
    edits, other_edits = (set(c.prescription.remedies) for c in (candidate, of))
    same_symptom = candidate.prescription.symptom == of.prescription.symptom
    return same_symptom and other_edits < edits and edits - other_edits <= TUNING


def cheapest_fix_first(ranked: Sequence[Candidate]) -> Sequence[Candidate]:
    """If the best candidate contains tuning, move the simplest fix without tuning to the front of the candidates."""
    best = ranked[0]
    fixes = [c for c in ranked if is_tuned_version(best, c)]
    if not fixes:
        return ranked
    least = min(c.remaining_cost for c in fixes)
    same = [c for c in ranked if c.prescription.symptom == best.prescription.symptom and c.untuned is None]
    alone = [c for c in same if TUNING.isdisjoint(c.prescription.remedies) and is_as_good(c.remaining_cost, least)]
    first = min(alone, key=lambda c: c.invasiveness)
    return [first, *(c for c in ranked if c is not first)]


def best_without_tuning(candidate: Candidate, candidates: Sequence[Candidate], study: Study) -> Candidate | None:
    """Return the best candidate that is `candidate` without tuning; None if no such candidate shows a gain.

    For a combination with tuned parts, the same combination of untuned parts is run here.
    """
    same = [c for c in candidates if c.shows_gain and is_tuned_version(candidate, c)]
    untuned = [p.untuned if p.untuned is not None and is_tuned_version(p, p.untuned) else p for p in candidate.parts]
    if not same and untuned != list(candidate.parts) and (both := merge_candidates(untuned)) is not None:
        same = [c for c in run_candidates([both], study) if c.shows_gain]
    return min(same, key=lambda c: c.remaining_cost, default=None)


def separate_tuning(one: Confirmed, other: Confirmed) -> tuple[Confirmed, Confirmed] | None:
    """Sort two proved candidates into the fix and its tuned version; return None if neither is a version of the other.

    A fix that is proved without tuning never contains tuning, however large the gain of tuning is.
    """
    for fix, tuned in ((one, other), (other, one)):
        if is_tuned_version(tuned[0], fix[0]):
            return fix, tuned
    return None


def with_tuning_patch(fix: Candidate, tuned: Candidate, trial: Trial) -> Trial:
    """Return the trial of a tuned fix with a patch that has to be applied after the patch of the fix."""
    assert tuned.script is not None
    return replace(trial, patch=tuned.script.diff(since=fix.script))
