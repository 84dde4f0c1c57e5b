"""Combine remedies if one is not enough. Each added remedy has to take off another fifth of the cost."""

from collections.abc import Collection, Hashable, Sequence
from dataclasses import replace
from itertools import combinations
from math import inf, isfinite

from descend.doctor.remedies import SETS_LEARNING_RATE, Prescription, if_applicable
from descend.doctor.trials.candidate import Candidate, run_candidates
from descend.doctor.trials.effect import SAME_RUN
from descend.doctor.trials.statistics import is_as_good, shows_gain
from descend.doctor.trials.study import Study

MOST_ADDED = 2  # largest number of remedies that are added to the best one
TRIED_PER_ROUND = 2  # number of remedies that are tried in combination with the best one in each round
# largest number of suspected causes of the catalog that are paired, and of edits that each is paired with
NAMED_CAUSES, PARTNERS = 2, 8
PAIRED = 4  # number of best candidates that are paired with each other
ENOUGH = 0.05  # If the cost is at most this share of the reference cost, no further remedy is added.


def combine_with_best(winners: Sequence[Candidate], candidates: Sequence[Candidate], study: Study) -> list[Candidate]:
    """Return the best candidate in combination with remedies that improve it; an empty list if none does.

    winners: the candidates that show a gain, best first. candidates: all others that may be added.
    """
    if not winners:
        return []
    best = winners[0]
    tried = [*winners[1:], *(c for c in candidates if c not in winners and c.script is not None and not c.reason)]
    others = [c for c in tried if c.prescription.symptom != best.prescription.symptom]
    others.sort(key=lambda c: not c.prescription.of_fact)
    best = _add_harmless_fact_fix(best, others, study)
    for _ in range(MOST_ADDED):
        if best.remaining_cost <= ENOUGH or best.prescription.times > 1:
            break
        merged = [both for other in others if (both := merge_candidates([*(best.parts or (best,)), other])) is not None]
        better = [
            c
            for c in run_candidates(merged[:TRIED_PER_ROUND], study, before_proof=True)
            if shows_gain(best.value, c.value)
        ]
        if not better:
            break
        best = min(better, key=lambda c: c.value)
    return [_without_unneeded_part(best, study)] if best.parts else []


def _add_harmless_fact_fix(best: Candidate, others: Sequence[Candidate], study: Study) -> Candidate:
    """Return the best candidate, to which the remedy of a definite finding is added if that does not raise the cost.

    The edits of a search do not count as remedies of a fact: the fact may be a consequence that `best` removes.
    """
    both = run_with_fact_fix(best, [c for c in others if not c.prescription.of_search], study)
    return both if both is not None and is_as_good(both.value, best.value) else best


def run_with_fact_fix(
    best: Candidate, others: Sequence[Candidate], study: Study, known: Collection[Hashable] = ()
) -> Candidate | None:
    """Run the combination of a candidate with the first remedy of a definite finding, and return the result.

    Return None if there is no such remedy, the two cannot be combined, or their edit is in `known`.
    """
    facts = [c for c in others if c.prescription.of_fact and c.script is not None and not c.reason]
    both = merge_candidates([best, facts[0]]) if facts and not best.prescription.of_fact else None
    is_new = both is not None and both.edit_id not in known
    return run_candidates([both], study, before_proof=True)[0] if both is not None and is_new else None


def _without_unneeded_part(candidate: Candidate, study: Study) -> Candidate:
    """Remove the least useful part from a combination of at least three parts, if the cost stays as low without it."""
    if len(candidate.parts) < 3:
        return candidate
    fewer = [merge_candidates([p for p in candidate.parts if p is not omitted]) for omitted in candidate.parts[:-1]]
    ran = run_candidates([c for c in fewer if c is not None], study, before_proof=True)
    return min((c for c in ran if is_as_good(c.value, candidate.value)), key=lambda c: c.value, default=candidate)


def run_pairs(candidates: Sequence[Candidate], study: Study) -> list[Candidate]:
    """Run pairs of candidates, because two remedies may help together even if neither helps alone.

    The remedy of a fact and the first causes that do no harm are each paired with the best other candidates, even
    those that diverge alone. The best few candidates are paired with each other. An edit without an effect counts as
    harmless: it may have one in a network that learns.
    """
    judged = [replace(c, value=c.before, reason="") if c.reason == SAME_RUN else c for c in candidates]
    known = [c for c in judged if not c.reason and c.script is not None and not c.parts]
    order = list(dict.fromkeys(c.prescription.symptom for c in known))
    known.sort(key=lambda c: c.value / c.before if c.before > 0 and isfinite(c.value) else inf)
    named = [c for c in known if not c.prescription.of_search and is_as_good(c.value, c.before)]
    best = {c.prescription.symptom: c for c in reversed(named) if not c.prescription.of_fact}
    causes = sorted(best.values(), key=lambda c: order.index(c.prescription.symptom))
    first = [c for c in known if c.prescription.of_fact][:1] + causes[:NAMED_CAUSES]
    others = [c for c in known if not c.prescription.of_fact and c not in first]
    found = [(one, c) for one in first for c in others[:PARTNERS]]
    found += combinations([c for c in known if isfinite(c.value)][:PAIRED], 2)
    merged = {both.edit_id: both for two in found if (both := merge_candidates(two)) is not None}
    return run_candidates(list(merged.values()), study)


def _can_be_merged(p: Prescription) -> bool:
    """Return whether a remedy may be combined: it keeps the number of steps, the batches and the kind of metric."""
    return p.times == 1 and p.same_batches and p.judged_on in ("fixed", "metric")


def _set_same_learning_rate(prescriptions: Sequence[Prescription]) -> bool:
    """Return whether two of the prescriptions change the learning rate of the same optimizer."""
    optimizers = [p.optimizer for p in prescriptions if SETS_LEARNING_RATE.intersection(p.remedies)]
    return len(optimizers) > 1 and ("" in optimizers or len(set(optimizers)) < len(optimizers))


def merge_candidates(parts: Sequence[Candidate]) -> Candidate | None:
    """Return a candidate with the edits of several candidates, which has not been run; None if two edits conflict."""
    edits = [(name, part.prescription.at) for part in parts for name in part.prescription.remedies]
    if not all(_can_be_merged(part.prescription) for part in parts) or len(set(edits)) < len(edits):
        return None
    if _set_same_learning_rate([part.prescription for part in parts]):
        return None
    script = parts[0].script
    for part in parts[1:]:
        edited = if_applicable(part.prescription.apply, script) if script is not None else None
        if edited is None:
            return None
        script = edited
    prescription = replace(
        parts[0].prescription,
        changes=tuple(change for part in parts for change in part.prescription.changes),
        label=" + ".join(part.prescription.label for part in parts),
        cost=sum(part.invasiveness for part in parts),
        of_fact=any(part.prescription.of_fact for part in parts),
        judged_on="metric" if any(part.prescription.judged_on == "metric" for part in parts) else "fixed",
        remakes=frozenset().union(*(part.prescription.remakes for part in parts)),
        at_rate=None,
        with_adam=None,
    )
    return Candidate(prescription, script, parts=tuple(parts))
