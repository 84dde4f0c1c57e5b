"""Screens remedies on one seed, confirms the cheapest good one on fresh seeds, and holds it against its rival.

Every comparison is paired: the same seed, the same examples, the same number of steps, judged on a yardstick that
no remedy can move.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from math import inf, isfinite

from descend.doctor.course.suffering import suffers
from descend.doctor.remedies import Prescription
from descend.doctor.trials.candidate import Candidate
from descend.doctor.trials.combine import beside_fact, combined, pairs
from descend.doctor.trials.confirm import confirm
from descend.doctor.trials.effect import THE_SAME
from descend.doctor.trials.outcome import screened
from descend.doctor.trials.proof import PROVED, Proof, Steps
from descend.doctor.trials.refute import MOST_REMEDIES, refute
from descend.doctor.trials.retune import at_other_rates, is_more_than_its_rate, retuned
from descend.doctor.trials.screen import in_order, screen
from descend.doctor.trials.statistics import as_good, explains
from descend.doctor.trials.study import Study
from descend.doctor.trials.trial import Trial
from descend.doctor.trials.tuning import Tried, from_cheapest_fix, parted, untuned, with_tuning_patch

CONFIRMED = 2  # candidates that are tried on fresh seeds before what they are for is given up
FAILED = 4  # of them in all, in each stage
NO_BETTER = "on fresh seeds no better than the change that is taken"

Prescribe = Callable[[frozenset[str]], list[Prescription]]  # ids of refuted suspicions -> what may help
Told = dict[Hashable, Trial]  # each edit's trial as it is reported, in their order


def prove(stages: Sequence[Prescribe], study: Study, proof: Proof) -> Steps:
    """Try what the stages give: yield every trial, which suspicions hold, and in the end the cheapest proven cure.

    A suspicion whose cures do not hold on fresh seeds is refuted by that, and sets its consequences free. The next
    stage is asked where none of the one before has won.
    """
    candidates: list[Candidate] = []
    for prescribe in stages:
        most = len(proof.failed) + FAILED
        while proof.cure is None and len(proof.failed) < most:
            known = len(proof.failed)
            candidates, proof = _screened(prescribe, study, candidates, proof)
            candidates, ranked = _at_better_rates(candidates, study, proof)
            proof = yield from _best_confirmed(candidates, ranked, study, proof)
            if len(proof.failed) == known:
                break  # none is left
    if proof.cure is None and len(stages) > 1 and suffers(study.baseline):  # else it could always be a little better
        proof = yield from _pair_confirmed(candidates, study, proof)
    if proof.cure is None:
        ran = [c for c in candidates if c.prescription.of_fact and c.script is not None and not c.reason]
        proof = replace(proof, mending=min((c for c in ran if c.prescription.times == 1), key=_value, default=None))
    return (yield from refute(candidates, study, proof))


def _screened(
    prescribe: Prescribe, study: Study, candidates: list[Candidate], proof: Proof
) -> tuple[list[Candidate], Proof]:
    """Screen until no suspicion is newly refuted: a refuted cause sets its consequences free."""
    while True:
        asked = prescribe(proof.refuted)
        candidates = screen(asked, study, candidates)
        mine = in_order(asked, candidates)
        mine = [replace(c, value=float("nan")) if c.edit in proof.failed else c for c in mine]
        newly = _refuted(mine) - proof.refuted
        proof = replace(proof, judged=proof.judged | _judged(mine), refuted=proof.refuted | newly)
        if not newly:
            live = {c.edit for c in mine}
            return mine + [c for c in candidates if c.edit not in live], proof


def _untried(candidates: Sequence[Candidate], proof: Proof) -> list[Candidate]:
    """Return those that no fresh seed has seen yet, of suspicions that are not refuted."""
    alive = [c for c in candidates if c.prescription.of_fact or not proof.refuted.issuperset(c.symptoms)]
    return [c for c in alive if c.plain is None and c.edit not in proof.failed]


def _at_better_rates(
    candidates: list[Candidate], study: Study, proof: Proof
) -> tuple[list[Candidate], list[Candidate]]:
    """Return all candidates, with the best of the untried at larger rates, and those that help, the best first."""
    ranked = _ranked([c for c in _untried(candidates, proof) if c.helps])
    if not ranked:
        return _facts_at_other_rates(candidates, study, proof)
    again = retuned(from_cheapest_fix(ranked), study, {c.edit for c in candidates})
    return candidates + again, _ranked([*ranked, *(c for c in again if c.helps)])


def _facts_at_other_rates(
    candidates: list[Candidate], study: Study, proof: Proof
) -> tuple[list[Candidate], list[Candidate]]:
    """Try the remedies of facts at other learning rates where nothing helps: the script's own was chosen for its fault.

    What the learning rate does alone is no merit of the remedy.
    """
    ran = [c for c in _untried(candidates, proof) if c.record is not None and not c.reason]
    of_facts = [c for c in ran if c.prescription.of_fact and not c.prescription.of_search]
    again = at_other_rates(of_facts[:MOST_REMEDIES], study, {c.edit for c in candidates})
    helping = [c for c in _ranked([c for c in again if c.helps]) if is_more_than_its_rate(c, study)]
    return candidates + again, helping


def _best_confirmed(candidates: Sequence[Candidate], ranked: list[Candidate], study: Study, proof: Proof) -> Steps:
    """Confirm the best until one holds, and hold that against its rival; what those are for that do not is refuted."""
    untried, winners = _untried(candidates, proof), _in_turn(ranked) if ranked else []
    joined = [c for c in combined(winners, untried, study) if c.edit not in proof.failed]
    everything = {c.edit: c for c in reversed((*joined, *winners, *candidates))}  # of an edit the first
    queue = list({c.edit: c for c in (*joined, *winners)}.values())[:CONFIRMED]
    told = {edit: proof.failed.get(edit) or screened(c, study.baseline) for edit, c in reversed(everything.items())}
    proof = _telling(told, proof)
    yield proof
    for candidate in queue:
        trial = confirm(candidate, study)
        told[candidate.edit] = trial
        if trial.verdict in PROVED:
            proof = _won(candidate, trial, candidates, _telling(told, proof))
            yield proof
            return _against_its_rival((candidate, trial), ranked, candidates, told, study, proof)
        proof = replace(_telling(told, proof), failed={**proof.failed, candidate.edit: trial})
        # On other seeds what is surely wrong may decide.
        both = beside_fact(candidate, untried, study, proof.failed)
        if both is not None and both.helps:
            queue.append(both)
            told[both.edit] = screened(both, study.baseline)
            proof = _telling(told, proof)
        yield proof
    suspected = {p.symptom for c in queue for p in c.prescriptions if not p.of_fact}
    return replace(proof, refuted=proof.refuted | suspected)


def _telling(told: Told, proof: Proof) -> Proof:
    """Return the proof with the trials of this round, and those of earlier ones that have failed on fresh seeds."""
    return proof.with_trials((*told.values(), *(trial for edit, trial in proof.failed.items() if edit not in told)))


def _won(candidate: Candidate, trial: Trial, candidates: Sequence[Candidate], proof: Proof) -> Proof:
    """Return the proof with a cure, with what it and the others that help confirm, and where each of these stands."""
    helping = _helping(candidates, proof)
    best = sorted([*helping, candidate], key=lambda c: (c is not candidate, c.left), reverse=True)
    at = {p.symptom: p.at for c in best for p in c.prescriptions}  # the best of each: some have no place
    placed = {symptom: place for symptom, place in at.items() if place}
    return _confirming(helping, replace(proof.cured_by(trial, candidate.record), at=placed))


def _helping(candidates: Sequence[Candidate], proof: Proof) -> list[Candidate]:
    return [c for c in candidates if c.helps and c.edit not in proof.failed]


def _confirming(helping: Sequence[Candidate], proof: Proof) -> Proof:
    """Return the proof with the suspicions whose own remedies have won.

    Of those without a name of their own that is what the cure is for.
    """
    cured = {part.prescription.symptom for part in proof.cure.parts} if proof.cure is not None else set()
    prescribed = [p for candidate in helping for p in candidate.prescriptions]
    won = frozenset(p.symptom for p in prescribed if not p.of_search or p.symptom in cured)
    return replace(proof, confirmed=won - proof.refuted)


def _in_turn(winners: list[Candidate]) -> list[Candidate]:
    """Return them with one other rate at most, the best; after it what it is of."""
    first = winners[0]
    behind = [] if first.plain is None else [first.plain]
    return [first, *behind, *(c for c in winners[1:] if c.plain is None and c not in behind)]


def _against_its_rival(
    proved: Tried, ranked: list[Candidate], candidates: Sequence[Candidate], told: Told, study: Study, proof: Proof
) -> Proof:
    """Hold a proved change against itself without tuning, itself at the rate before, or what did better at first."""
    rival = untuned(proved[0], ranked, study) or _rival(proved[0], ranked)
    if rival is None:
        return proof
    trial = confirm(rival, study)
    told[rival.edit] = trial
    return _confirming(_helping(candidates, proof), _settled(proved, (rival, trial), _telling(told, proof)))


def _rival(proved: Candidate, ranked: list[Candidate]) -> Candidate | None:
    """Return what a proved change is held against on fresh seeds: itself at the rate before, or what did better."""
    if proved.plain is not None:
        return proved.plain
    alike = [c for c in ranked if c.prescription.of_fact == proved.prescription.of_fact and c.left < proved.left]
    alike = [c for c in alike if not _yields(c, ranked)]
    return min(alike, key=lambda c: c.left, default=None)


def _settled(first: Tried, rival: Tried, proof: Proof) -> Proof:
    """Of two that are proved, take the cheaper one where on fresh seeds it does about as well, else the better one.

    Where one is the other with tuning, the one without is the cure.
    """
    if rival[1].verdict not in PROVED:
        return proof
    cheaper, dearer = sorted([first, rival], key=lambda tried: (tried[0].cost, tried[1].after))
    is_enough, apart = as_good(cheaper[1].after, dearer[1].after), parted(first, rival)
    taken, left = apart or ((cheaper, dearer) if is_enough else (dearer, cheaper))
    proof = proof.cured_by(taken[1], taken[0].record)
    if apart and not as_good(taken[1].after, left[1].after):
        shown = with_tuning_patch(taken[0], *left)
        proof = replace(proof, tuning=shown)
    else:
        shown = replace(left[1], verdict="helps", reason=NO_BETTER if is_enough or apart else "")
    return proof.telling(shown, instead_of=left[1])


def _pair_confirmed(candidates: list[Candidate], study: Study, proof: Proof) -> Steps:
    """Where nothing has won alone, try the best few two by two: a pair that wins makes findings of both."""
    tried = sorted((c for c in pairs(candidates, study) if c.helps), key=lambda c: c.left)
    for both in tried[:CONFIRMED]:
        trial = confirm(both, study)
        proof = proof.telling(trial)
        if trial.verdict in PROVED:
            won = {part.prescription.symptom: part.prescription.at for part in both.parts}
            return replace(
                proof.cured_by(trial, both.record),
                confirmed=proof.confirmed | won.keys(),
                refuted=proof.refuted - won.keys(),
                at={**proof.at, **{symptom: at for symptom, at in won.items() if at}},
            )
        yield proof
    return proof


def _judged(candidates: Sequence[Candidate]) -> frozenset[str]:
    """Return the suspicions of which a remedy that decides has run to a value, or to none where it diverged.

    A search suspects lines: one that can be left out without any effect on the run is not the cause.
    """
    mine = _by_symptom(candidates)

    def decides(candidate: Candidate) -> bool:
        is_refuted = candidate.prescription.of_search and candidate.reason == THE_SAME
        return candidate.record is not None and (not candidate.reason or is_refuted)

    return frozenset(symptom for symptom in mine if any(map(decides, _deciding(symptom, mine))))


def _refuted(candidates: Sequence[Candidate]) -> frozenset[str]:
    """Return the suspicions whose deciding remedies did not win, or did clearly worse than another one."""
    mine, refuted = _by_symptom(candidates), set()
    for symptom, own in mine.items():
        best = min((c.left for c in own if isfinite(c.left)), default=float("nan"))
        if not any(c.helps and explains(c.left, best) for c in _deciding(symptom, mine)):
            refuted.add(symptom)
    return frozenset(refuted)


def _by_symptom(candidates: Sequence[Candidate]) -> dict[str, list[Candidate]]:
    """Return for each symptom the candidates that were prescribed for it."""
    symptoms = dict.fromkeys(symptom for c in candidates for symptom in c.symptoms)
    return {symptom: [c for c in candidates if symptom in c.symptoms] for symptom in symptoms}


def _deciding(symptom: str, candidates: dict[str, list[Candidate]]) -> Sequence[Candidate]:
    """Return, of one suspicion's, those that decide it. Where none could be run, whatever helps has to do."""
    mine = candidates[symptom]
    return [c for c in mine if not c.reason and any(p.decides for p in c.prescriptions if p.symptom == symptom)] or mine


def _value(candidate: Candidate) -> float:
    return candidate.value if isfinite(candidate.value) else inf


def _ranked(candidates: list[Candidate]) -> list[Candidate]:
    """Return the cheapest of those about as good as the best first, then the rest by what they reach.

    What mends a fact, and most of the trouble with it, goes before what makes the run bear it. A change that draws
    other weights is good where it explains the trouble: how good is for its rival and the fresh seeds to say. What only
    bears it, or gives up what the author wants, comes last where another for the same explains the trouble.
    """
    best = min((c.left for c in candidates if not _yields(c, candidates)), default=1.0)

    def rank(candidate: Candidate) -> tuple[bool, bool, bool, int, float]:
        is_good = as_good(candidate.left, best)
        is_good |= candidate.prescription.redraws and explains(candidate.left, best)
        mends = candidate.prescription.of_fact and explains(candidate.left, best)
        return _yields(candidate, candidates), not mends, not is_good, candidate.cost if is_good else 0, candidate.left

    return sorted(candidates, key=rank)


def _yields(candidate: Candidate, candidates: Sequence[Candidate]) -> bool:
    """Whether it only bears the trouble, or gives something up, where another for the same at no more cost mends it."""
    if _mends_and_keeps(candidate):
        return False
    same = [c for c in candidates if set(c.symptoms) & set(candidate.symptoms)]
    return any(_mends_and_keeps(c) and c.cost <= candidate.cost and explains(c.left, candidate.left) for c in same)


def _mends_and_keeps(candidate: Candidate) -> bool:
    return candidate.prescription.decides and not candidate.prescription.gives_up
