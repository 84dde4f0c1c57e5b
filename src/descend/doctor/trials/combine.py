"""Remedies together, where one is not enough: added one by one while each takes off another fifth, then pruned."""

from collections.abc import Collection, Hashable, Sequence
from dataclasses import replace
from itertools import combinations
from math import inf, isfinite

from descend.doctor.remedies import SETS_LEARNING_RATE, NotApplicable, Prescription
from descend.doctor.trials.candidate import Candidate, run_all
from descend.doctor.trials.effect import THE_SAME
from descend.doctor.trials.statistics import as_good, promising
from descend.doctor.trials.study import Study

ADDED = 2  # remedies at most, to the best one
TRIED = 2  # of the others, each time
NAMED, BESIDE = 2, 8  # changes with a name, and others beside each of them
PAIRED = 4  # changes that are tried two by two where none helps alone
ENOUGH = 0.05  # of the cost: what is left is not worth another change


def combined(winners: Sequence[Candidate], candidates: Sequence[Candidate], study: Study) -> list[Candidate]:
    """Return the best remedy together with what improves on it; none where it is enough, or nothing does."""
    if not winners:
        return []
    best = winners[0]
    tried = [*winners[1:], *(c for c in candidates if c not in winners and c.script is not None and not c.reason)]
    others = [c for c in tried if c.prescription.symptom != best.prescription.symptom]
    others.sort(key=lambda c: not c.prescription.of_fact)
    best = _mended(best, others, study)
    for _ in range(ADDED):
        if best.left <= ENOUGH or best.prescription.times > 1:
            break
        joined = [both for other in others if (both := together([*(best.parts or (best,)), other])) is not None][:TRIED]
        better = [c for c in run_all(joined, study) if promising(best.value, c.value)]
        if not better:
            break
        best = min(better, key=lambda c: c.value)
    return [_pruned(best, study)] if best.parts else []


def _mended(best: Candidate, others: Sequence[Candidate], study: Study) -> Candidate:
    """Return the best with what mends a fact beside it, where that does no harm: what is surely wrong is put right.

    Not where the fact is what came of the run: the best may have mended that, too.
    """
    both = beside_fact(best, [c for c in others if not c.prescription.of_search], study)
    return both if both is not None and as_good(both.value, best.value) else best


def beside_fact(
    best: Candidate, others: Sequence[Candidate], study: Study, known: Collection[Hashable] = ()
) -> Candidate | None:
    """Return it together with what mends a fact, as one run went.

    None where no fact is left, where both cannot be had, or where they are known.
    """
    facts = [c for c in others if c.prescription.of_fact and c.script is not None and not c.reason]
    both = together([best, facts[0]]) if facts and not best.prescription.of_fact else None
    is_new = both is not None and both.edit not in known
    return run_all([both], study)[0] if both is not None and is_new else None


def _pruned(candidate: Candidate, study: Study) -> Candidate:
    """Return the candidate without the parts that it does as well without; of two parts each is known to be needed."""
    if len(candidate.parts) < 3:
        return candidate
    fewer = [together([p for p in candidate.parts if p is not left]) for left in candidate.parts[:-1]]
    kept = [c for c in run_all([c for c in fewer if c is not None], study) if as_good(c.value, candidate.value)]
    return min(kept, key=lambda c: c.value, default=candidate)


def pairs(candidates: Sequence[Candidate], study: Study) -> list[Candidate]:
    """Return changes two by two, as one run of each pair went: where nothing helps alone, two may.

    What mends a fact, or what has a name and does no harm, beside the best of the others, be it that those diverge
    without it; and the best few of all. Of what has a name the first causes: what each alone is worth is chance here.
    An edit without any effect alone may have one where another lets the network learn.
    """
    judged = [replace(c, value=c.before, reason="") if c.reason == THE_SAME else c for c in candidates]
    known = [c for c in judged if not c.reason and c.script is not None and not c.parts]
    order = list(dict.fromkeys(c.prescription.symptom for c in known))
    known.sort(key=lambda c: c.value / c.before if c.before > 0 and isfinite(c.value) else inf)
    named = [c for c in known if not c.prescription.of_search and as_good(c.value, c.before)]
    best = {c.prescription.symptom: c for c in reversed(named) if not c.prescription.of_fact}
    causes = sorted(best.values(), key=lambda c: order.index(c.prescription.symptom))
    first = [c for c in known if c.prescription.of_fact][:1] + causes[:NAMED]
    others = [c for c in known if not c.prescription.of_fact and c not in first]
    found = [(one, c) for one in first for c in others[:BESIDE]]
    found += combinations([c for c in known if isfinite(c.value)][:PAIRED], 2)
    joined = {both.edit: both for two in found if (both := together(two)) is not None}
    return run_all(list(joined.values()), study)


def _can_be_joined(p: Prescription) -> bool:
    """Whether it takes as many steps as the unchanged script, and is judged on the same examples."""
    return p.times == 1 and p.same_batches and p.judged_on in ("fixed", "metric")


def _set_one_rate_twice(prescriptions: Sequence[Prescription]) -> bool:
    """Whether two of them set the learning rate, unless each names another optimizer."""
    optimizers = [p.optimizer for p in prescriptions if SETS_LEARNING_RATE.intersection(p.remedies)]
    return len(optimizers) > 1 and ("" in optimizers or len(set(optimizers)) < len(optimizers))


def together(parts: Sequence[Candidate]) -> Candidate | None:
    """Return the parts as one candidate; None where two change the same thing, or one cannot follow another."""
    edits = [(name, part.prescription.at) for part in parts for name in part.prescription.remedies]
    if not all(_can_be_joined(part.prescription) for part in parts) or len(set(edits)) < len(edits):
        return None
    if _set_one_rate_twice([part.prescription for part in parts]):
        return None
    script = parts[0].script
    for part in parts[1:]:
        edited = part.prescription.apply(script) if script is not None else None
        if edited is None or isinstance(edited, NotApplicable):
            return None
        script = edited
    prescription = replace(
        parts[0].prescription,
        changes=tuple(change for part in parts for change in part.prescription.changes),
        label=" + ".join(part.prescription.label for part in parts),
        cost=sum(part.cost for part in parts),
        of_fact=any(part.prescription.of_fact for part in parts),
        judged_on="metric" if any(part.prescription.judged_on == "metric" for part in parts) else "fixed",
        remakes=frozenset().union(*(part.prescription.remakes for part in parts)),
        at_rate=None,
        with_adam=None,
    )
    return Candidate(prescription, script, parts=tuple(parts))
