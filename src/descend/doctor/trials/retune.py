"""The learning rate anew, and the rule: what mends the cause moves the rate that is best, and a coarse climb finds it.

Half decades upwards (Bengio 2012, §3.1.1): a prescribed rate is on the safe side of the stability bound, and the
script's own was chosen for what ailed it. The best under another rule is tuned, too: one rule at a tuned rate beside
another at its default is no fair comparison (Sivaprasad et al. 2020). It is for the same symptom: Adam bears many a
fault that it does not mend.
"""

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, replace

from descend.doctor.course.opponents import has_opponents
from descend.doctor.remedies import NotApplicable, Prescription
from descend.doctor.script.script import Script
from descend.doctor.trials.candidate import Candidate, run_all
from descend.doctor.trials.statistics import as_good
from descend.doctor.trials.study import Study
from descend.ground.bound import Bound

FACTORS = (3.0, 10.0, 30.0, 100.0)
BOTH_WAYS = (0.1, 10.0, 0.01, 100.0)  # times the learning rate that a remedy leaves, where it does not help at that one
LEAST_LEFT = Bound(
    1e-3,
    "of the script's cost, or of a constant's if that is less",
    "chosen: below it there is nothing to gain that anybody would see",
)
LEAST_FOR_A_RULE = Bound(
    0.01,
    "of the script's cost, or of a constant's if that is less",
    "chosen: below it nothing is left that is worth another rule",
)


def retuned(winners: Sequence[Candidate], study: Study, known: Collection[Hashable]) -> list[Candidate]:
    """Return the best candidate, and the best under another rule, at larger rates, run; without the edits `known`.

    None where hardly anything is left to gain, or where they have no rate to set.
    """
    best = winners[0]
    tried: list[Candidate] = []
    if best.prescription.judged_on != "fixed" or has_opponents(study.baseline):
        return []
    climbs, known = _climbs(winners), set(known)
    while True:
        left = min(c.left for c in (best, *tried) if c.helps)
        running = [
            (climb, c)
            for climb in climbs
            if left > climb.least and (c := climb.following(study.script, known)) is not None
        ]
        if not running:
            return tried
        ran = run_all([c for _, c in running], study)
        for (climb, _), candidate in zip(running, ran):
            climb.tried.append(candidate)
        tried += ran


def at_other_rates(candidates: Sequence[Candidate], study: Study, known: Collection[Hashable] = ()) -> list[Candidate]:
    """Return the candidates at smaller and larger learning rates, run; without the edits `known`."""
    made = []
    for candidate in candidates:
        at_rate = candidate.prescription.at_rate
        for prescription in map(at_rate, BOTH_WAYS) if at_rate is not None else ():
            edited = prescription.apply(study.script)
            if not isinstance(edited, NotApplicable):
                made.append(Candidate(prescription, edited, plain=candidate))
    return run_all([c for c in made if c.edit not in known], study)


def is_more_than_its_rate(candidate: Candidate, study: Study) -> bool:
    """Whether a remedy at another learning rate does better than that learning rate alone."""
    prescription = candidate.prescription
    alone = replace(prescription, changes=prescription.changes[-1:])
    edited = alone.apply(study.script)
    if prescription.remedies[-1] != "learning_rate" or isinstance(edited, NotApplicable):
        return True
    [rate] = run_all([Candidate(alone, edited)], study)
    return not rate.helps or not as_good(rate.left, candidate.left)


@dataclass
class _Climb:
    """One candidate at larger and larger rates."""

    of: Candidate
    rungs: list[Prescription]  # that are still to be tried
    tried: list[Candidate]
    least: float  # it ends where no more than this is left of the cost

    def following(self, script: Script, known: set[Hashable]) -> Candidate | None:
        """Return what is to be run next, and add its edit to `known`; None where the last one was not the best."""
        top = min((c for c in self.tried if c.helps), key=lambda c: c.left, default=None)
        if self.tried and top is not self.tried[-1]:
            return None
        while self.rungs:
            rung = self.rungs.pop(0)
            edited = rung.apply(script)
            if isinstance(edited, NotApplicable):
                return None
            candidate = Candidate(rung, edited, plain=self.of)
            if candidate.edit not in known:
                known.add(candidate.edit)
                return candidate
        return None


def _climbs(winners: Sequence[Candidate]) -> list[_Climb]:
    best = winners[0]
    others = [c for c in winners if c.prescription.symptom == best.prescription.symptom]
    rival = next((c for c in others if _is_adaptive(c) != _is_adaptive(best)), None)
    climbs = [_Climb(best, _rungs(best), [best], LEAST_LEFT)]
    with_adam = best.prescription.with_adam
    if rival is not None:
        climbs.append(_Climb(rival, _rungs(rival), [rival], LEAST_FOR_A_RULE))
    elif with_adam is not None:
        climbs.append(_Climb(best, [with_adam(factor) for factor in (1.0, *FACTORS)], [], LEAST_FOR_A_RULE))
    return climbs


def _rungs(candidate: Candidate) -> list[Prescription]:
    at_rate = candidate.prescription.at_rate
    if at_rate is None or not candidate.prescription.tunes:
        return []
    return [at_rate(factor) for factor in FACTORS]


def _is_adaptive(candidate: Candidate) -> bool:
    return "adaptive_rule" in candidate.prescription.remedies
