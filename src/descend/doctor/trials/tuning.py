"""The cure alone, and what tuning adds to it: the same with the step set anew is a patch of its own."""

from collections.abc import Sequence
from dataclasses import replace

from descend.doctor.trials.candidate import Candidate, run_all
from descend.doctor.trials.combine import together
from descend.doctor.trials.statistics import as_good
from descend.doctor.trials.study import Study
from descend.doctor.trials.trial import Trial

TUNING = frozenset({"learning_rate", "adaptive_rule"})  # remedies that set the step, and mend nothing beside it

Tried = tuple[Candidate, Trial]  # on fresh seeds


def is_tuned(candidate: Candidate, of: Candidate) -> bool:
    """Whether a candidate is another one, and besides sets the step anew."""
    mine, its = (set(c.prescription.remedies) for c in (candidate, of))
    return candidate.prescription.symptom == of.prescription.symptom and its < mine and mine - its <= TUNING


def from_cheapest_fix(ranked: Sequence[Candidate]) -> Sequence[Candidate]:
    """Return them with the fix to tune first: where the best is tuned already, the cheapest as good without tuning."""
    best = ranked[0]
    fixes = [c for c in ranked if is_tuned(best, c)]
    if not fixes:
        return ranked
    least = min(c.left for c in fixes)
    same = [c for c in ranked if c.prescription.symptom == best.prescription.symptom and c.plain is None]
    alone = [c for c in same if TUNING.isdisjoint(c.prescription.remedies) and as_good(c.left, least)]
    first = min(alone, key=lambda c: c.cost)
    return [first, *(c for c in ranked if c is not first)]


def untuned(candidate: Candidate, candidates: Sequence[Candidate], study: Study) -> Candidate | None:
    """Return the best candidate that is this one without tuning; None where it is not tuned, or none helps.

    Of several remedies together, some of them tuned, the same without is run here.
    """
    same = [c for c in candidates if c.helps and is_tuned(candidate, c)]
    plain = [p.plain if p.plain is not None and is_tuned(p, p.plain) else p for p in candidate.parts]
    if not same and plain != list(candidate.parts) and (both := together(plain)) is not None:
        same = [c for c in run_all([both], study) if c.helps]
    return min(same, key=lambda c: c.left, default=None)


def parted(one: Tried, other: Tried) -> tuple[Tried, Tried] | None:
    """Return which of two proved changes is the fix alone, and which is that fix with tuning; None where neither is.

    A fix that is proved without tuning never contains tuning, however much tuning adds.
    """
    for fix, tuned in ((one, other), (other, one)):
        if is_tuned(tuned[0], fix[0]):
            return fix, tuned
    return None


def with_tuning_patch(cure: Candidate, tuned: Candidate, trial: Trial) -> Trial:
    """Return the trial of a tuned cure with what tuning adds as its patch: it goes on top of the cure's."""
    assert tuned.script is not None
    return replace(trial, patch=tuned.script.diff(since=cure.script))
