"""Screens remedies on one seed, confirms the cheapest good one on fresh seeds, and checks its patch.

Every comparison is paired: the same seed, the same examples, the same number of steps, judged on a yardstick that
no remedy can move.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import inf, isfinite

from descend.doctor.course.opponents import has_exploded, has_opponents
from descend.doctor.course.suffering import suffers
from descend.doctor.record import Record
from descend.doctor.remedies import JudgedOn, Key, NotApplicable, Prescription
from descend.doctor.trials.candidate import OPPONENTS, Candidate, by_own_number, judged_unpaired, run_all
from descend.doctor.trials.combine import beside_fact, combined, pairs
from descend.doctor.trials.confirm import confirm
from descend.doctor.trials.outcome import screened
from descend.doctor.trials.retune import retuned
from descend.doctor.trials.statistics import as_good, explains
from descend.doctor.trials.study import Study
from descend.doctor.trials.trial import Trial
from descend.doctor.trials.tuning import Tried, beside, parted, untuned
from descend.doctor.trials.untouched import with_the_same_measure
from descend.doctor.trials.yardsticks import yardstick

CONFIRMED = 2  # candidates that are tried on fresh seeds before what they are for is given up
FAILED = 4  # of them in all, in each stage
NO_BETTER = "on fresh seeds no better than the change that is taken"
NO_YARDSTICK = "no step could be recorded and replayed, so there is nothing to judge a remedy by"
MISSING: dict[JudgedOn, str] = {
    "held_out": "the script computes no loss on held-out data",
    "nothing": "no trial can judge it: without the fault the cost is higher, and honest",
}
PROVED = ("proved", "train_longer")

Prescribe = Callable[[frozenset[str]], list[Prescription]]  # ids of refuted suspicions -> what may help


@dataclass
class Proof:
    """The trials of one case."""

    trials: list[Trial] = field(default_factory=list)
    confirmed: frozenset[str] = frozenset()  # suspicions whose own remedy has won
    cure: Trial | None = None
    tuning: Trial | None = None  # the cure with the step set anew, where that adds to it
    trial_run: Record | None = None  # the cure's trial run under the script's own seed
    mending: Candidate | None = None  # where nothing has won: the best that mends a fact, and runs
    at: dict[str, tuple[str, str]] = field(default_factory=dict)  # confirmed -> the site at which its remedy has won
    refuted: frozenset[str] = frozenset()  # suspicions whose own remedies have not won
    judged: frozenset[str] = frozenset()  # suspicions of which a remedy that decides was run and judged
    failed: dict[Key, Trial] = field(default_factory=dict)  # on fresh seeds
    interrupted: bool = False  # by Ctrl-C, before it could decide everything
    changed: str = ""  # what was changed under the trials, which has ended them

    @property
    def dismissed(self) -> frozenset[str]:
        """Suspicions that trials have decided against; what more seeds might settle is left open."""
        return (self.refuted & self.judged) - {trial.symptom for trial in self.trials if trial.left_open}


def prove(stages: Sequence[Prescribe], study: Study, proof: Proof) -> None:
    """Try what the stages give and fill `proof`: every trial, which suspicions held, the cheapest proven cure.

    A suspicion whose cures do not hold on fresh seeds is refuted by that, and sets its consequences free. The next
    stage is asked where none of the one before has won.
    """
    candidates: list[Candidate] = []
    for prescribe in stages:
        most = len(proof.failed) + FAILED
        while proof.cure is None and len(proof.failed) < most:
            known = len(proof.failed)
            candidates = _screen_all(prescribe, study, candidates, proof)
            _confirm_best(candidates, study, proof)
            if len(proof.failed) == known:
                break  # none is left
    if proof.cure is None and len(stages) > 1 and suffers(study.baseline):  # else it could always be a little better
        _confirm_pair(candidates, study, proof)
    if proof.cure is None:
        ran = [c for c in candidates if c.prescription.of_fact and c.script is not None and not c.reason]
        proof.mending = min((c for c in ran if c.prescription.times == 1), key=_value, default=None)


def _value(candidate: Candidate) -> float:
    return candidate.value if isfinite(candidate.value) else inf


def _confirm_pair(candidates: list[Candidate], study: Study, proof: Proof) -> None:
    """Where nothing has won alone, try the best few two by two: a pair that wins makes findings of both."""
    tried = sorted((c for c in pairs(candidates, study) if c.helps), key=lambda c: c.left)
    for both in tried[:CONFIRMED]:
        trial = confirm(both, study)
        proof.trials.append(trial)
        if trial.verdict in PROVED:
            proof.cure, proof.trial_run = trial, both.record
            won = {part.prescription.symptom: part.prescription.at for part in both.parts}
            proof.confirmed, proof.refuted = proof.confirmed | won.keys(), proof.refuted - won.keys()
            proof.at |= {symptom: at for symptom, at in won.items() if at}
            return


def _confirm_best(candidates: list[Candidate], study: Study, proof: Proof) -> None:
    """Confirm the best that no fresh seed has seen yet, until one holds; what those are for that do not is refuted."""
    alive = [c for c in candidates if c.prescription.of_fact or c.prescription.symptom not in proof.refuted]
    untried = [c for c in alive if c.plain is None and c.prescription.key not in proof.failed]
    ranked = _ranked([c for c in untried if c.helps])
    if ranked:
        again = retuned(ranked, study, {c.prescription.key for c in candidates})
        candidates += again
        ranked = _ranked([*ranked, *(c for c in again if c.helps)])
    winners = _in_turn(ranked) if ranked else []
    winners = [c for c in combined(winners, untried, study) if c.prescription.key not in proof.failed] + winners
    everything = [*(c for c in winners if c not in candidates), *candidates]
    shown = [proof.failed.get(c.prescription.key) or screened(c, study.baseline) for c in everything]
    proof.trials = [*shown, *(trial for trial in proof.failed.values() if trial not in shown)]
    queue = winners[:CONFIRMED]
    for candidate in queue:
        trial = confirm(candidate, study)
        proof.trials[everything.index(candidate)] = trial
        if trial.verdict in PROVED:
            proof.cure, proof.trial_run = trial, candidate.record
            helping = [c for c in candidates if c.helps and c.prescription.key not in proof.failed]
            proof.confirmed = _confirmed(helping, proof)
            best = sorted([*helping, candidate], key=lambda c: (c is not candidate, c.left), reverse=True)
            at = {c.prescription.symptom: c.prescription.at for c in best}  # the best of each: some have no place
            proof.at = {symptom: place for symptom, place in at.items() if place}
            rival = untuned(candidate, ranked, study) or _rival(candidate, ranked)
            if rival is not None:
                other = confirm(rival, study)
                _put(proof, everything, rival, other)
                _settle(proof, (candidate, trial), (rival, other))
                proof.confirmed = _confirmed(helping, proof)
            return
        proof.failed[candidate.prescription.key] = trial
        # On other seeds what is surely wrong may decide.
        both = beside_fact(candidate, untried, study, proof.failed)
        if both is not None and both.helps:
            queue.append(both)
            everything.append(both)
            proof.trials.insert(len(everything) - 1, screened(both, study.baseline))
    proof.refuted |= {c.prescription.symptom for c in queue if not c.prescription.of_fact}


def _confirmed(helping: list[Candidate], proof: Proof) -> frozenset[str]:
    """Return the suspicions whose own remedies have won; of those without a name of their own what the cure is for."""
    cured = {part.prescription.symptom for part in proof.cure.parts} if proof.cure is not None else set()
    prescribed = [candidate.prescription for candidate in helping]
    return frozenset(p.symptom for p in prescribed if not p.of_search or p.symptom in cured) - proof.refuted


def _in_turn(winners: list[Candidate]) -> list[Candidate]:
    """Return them with one other rate at most, the best; after it what it is of."""
    first = winners[0]
    behind = [] if first.plain is None else [first.plain]
    return [first, *behind, *(c for c in winners[1:] if c.plain is None and c not in behind)]


def _rival(proved: Candidate, ranked: list[Candidate]) -> Candidate | None:
    """Return what a proved change is held against on fresh seeds: itself at the rate before, or what did better."""
    if proved.plain is not None:
        return proved.plain
    alike = [c for c in ranked if c.prescription.of_fact == proved.prescription.of_fact and c.left < proved.left]
    return min(alike, key=lambda c: c.left, default=None)


def _put(proof: Proof, everything: list[Candidate], candidate: Candidate, trial: Trial) -> None:
    """Set the candidate's trial in its place, before those of other rounds where it has none."""
    if candidate in everything:
        proof.trials[everything.index(candidate)] = trial
    else:
        proof.trials.insert(len(everything), trial)
        everything.append(candidate)


def _settle(proof: Proof, first: Tried, rival: Tried) -> None:
    """Of two that are proved, take the cheaper one where on fresh seeds it does about as well, else the better one.

    Where one is the other with tuning, the one without is the cure.
    """
    if rival[1].verdict not in PROVED:
        return
    cheaper, dearer = sorted([first, rival], key=lambda tried: (tried[0].cost, tried[1].after))
    is_enough, apart = as_good(cheaper[1].after, dearer[1].after), parted(first, rival)
    taken, left = apart or ((cheaper, dearer) if is_enough else (dearer, cheaper))
    proof.cure, proof.trial_run = taken[1], taken[0].record
    if apart and not as_good(taken[1].after, left[1].after):
        proof.tuning = shown = beside(taken[0], *left)
    else:
        shown = replace(left[1], verdict="helps", reason=NO_BETTER if is_enough or apart else "")
    proof.trials = [shown if trial is left[1] else trial for trial in proof.trials]


def _screen_all(
    prescribe: Prescribe,
    study: Study,
    candidates: list[Candidate],
    proof: Proof,
) -> list[Candidate]:
    """Screen until no suspicion is newly refuted: a refuted cause sets its consequences free."""
    while True:
        asked = prescribe(proof.refuted)
        known = {c.prescription.key for c in candidates}
        candidates += screen([p for p in asked if p.key not in known], study)
        owners = {c.prescription.key: c for c in candidates}
        mine = [replace(owners[p.key], prescription=p) for p in asked]
        mine = [replace(c, value=float("nan")) if c.prescription.key in proof.failed else c for c in mine]
        proof.judged |= _judged(mine)
        newly = _refuted(mine) - proof.refuted
        if not newly:
            live = {p.key for p in asked}
            return mine + [c for c in candidates if c.prescription.key not in live]
        proof.refuted |= newly


def screen(prescriptions: Iterable[Prescription], study: Study) -> list[Candidate]:
    """Run each change that applies and can be judged once, under the script's own seed."""
    candidates = []
    for prescription in prescriptions:
        edited = prescription.apply(study.script)
        if isinstance(edited, NotApplicable):
            candidates.append(Candidate(prescription, None, reason=edited.reason))
        elif prescription.judged_on != "metric" and has_opponents(study.baseline) and not has_exploded(study.baseline):
            candidates.append(Candidate(prescription, edited, reason=OPPONENTS))
        elif not yardstick(study.baseline, prescription.judged_on)[0]:
            missing = MISSING.get(prescription.judged_on, NO_YARDSTICK)
            candidates.append(Candidate(prescription, edited, reason=missing))
        else:
            candidates.append(Candidate(prescription, edited))
    judged = list(judged_unpaired(run_all(candidates, study), study))
    judged = list(with_the_same_measure(judged, study))
    return judged + run_all(by_own_number(judged, study.baseline), study)


def _judged(candidates: Sequence[Candidate]) -> frozenset[str]:
    """Return the suspicions of which a remedy that decides has run to a value, or to none where it diverged."""
    known = frozenset(c.prescription.symptom for c in candidates)
    mine = {symptom: [c for c in candidates if c.prescription.symptom == symptom] for symptom in known}
    return frozenset(symptom for symptom in known if any(c.record and not c.reason for c in _deciding(mine[symptom])))


def _refuted(candidates: Sequence[Candidate]) -> frozenset[str]:
    """Return the suspicions whose deciding remedies did not win, or did clearly worse than another one."""
    symptoms = {c.prescription.symptom for c in candidates}
    refuted = set()
    for symptom in symptoms:
        mine = [c for c in candidates if c.prescription.symptom == symptom]
        best = min((c.left for c in mine if isfinite(c.left)), default=float("nan"))
        if not any(c.helps and explains(c.left, best) for c in _deciding(mine)):
            refuted.add(symptom)
    return frozenset(refuted)


def _deciding(candidates: Sequence[Candidate]) -> Sequence[Candidate]:
    """Return, of one suspicion's, those that decide it. Where none could be run, whatever helps has to do."""
    return [c for c in candidates if c.prescription.decides and not c.reason] or candidates


def _ranked(candidates: list[Candidate]) -> list[Candidate]:
    """Return the cheapest of those about as good as the best first, then the rest by what they reach.

    What mends a fact, and most of the trouble with it, goes before what makes the run bear it.
    """
    best = min((c.left for c in candidates), default=1.0)

    def rank(candidate: Candidate) -> tuple[bool, bool, int, float]:
        is_good = as_good(candidate.left, best)
        mends = candidate.prescription.of_fact and explains(candidate.left, best)
        return not mends, not is_good, candidate.cost if is_good else 0, candidate.left

    return sorted(candidates, key=rank)
