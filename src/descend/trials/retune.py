"""The learning rate anew, and the rule: what mends the cause moves the rate that is best, and a coarse climb finds it.

Half decades upwards (Bengio 2012, §3.1.1): a prescribed rate is on the safe side of the stability bound, and the
script's own was chosen for what ailed it. The best under another rule is tuned, too: one rule at a tuned rate beside
another at its default is no fair comparison (Sivaprasad et al. 2020). It is for the same symptom: Adam bears many a
fault that it does not mend.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from descend.record import Record
from descend.remedies import Key, NotApplicable, Prescription
from descend.script import Script
from descend.trials.arms import Bench
from descend.trials.candidate import Candidate, run_all

FACTORS = (3.0, 10.0, 30.0, 100.0)
LEAST_LEFT = 1e-3  # of the cost: below that there is nothing to gain that anybody would see


def retuned(
    winners: Sequence[Candidate], script: Script, exam: Record, bench: Bench, known: Collection[Key]
) -> list[Candidate]:
    """Return the best candidate, and the best under another rule, at larger rates, run; without those `known`.

    None where hardly anything is left to gain, or where they have no rate to set.
    """
    best = winners[0]
    tried: list[Candidate] = []
    if best.prescription.judged_on != "fixed":
        return []
    climbs = _climbs(winners, known)
    while min(c.left for c in (best, *tried) if c.helps) > LEAST_LEFT:
        running = [(climb, c) for climb in climbs if (c := climb.following(script)) is not None]
        if not running:
            break
        ran = run_all([c for _, c in running], exam, bench)
        for (climb, _), candidate in zip(running, ran):
            climb.tried.append(candidate)
        tried += ran
    return tried


@dataclass
class _Climb:
    """One candidate at larger and larger rates."""

    of: Candidate
    rungs: list[Prescription]  # that are still to be tried
    tried: list[Candidate]

    def following(self, script: Script) -> Candidate | None:
        """Return what is to be run next; none where the last one was not the best."""
        top = min((c for c in self.tried if c.helps), key=lambda c: c.left, default=None)
        if not self.rungs or (self.tried and top is not self.tried[-1]):
            return None
        rung = self.rungs.pop(0)
        edited = rung.apply(script)
        return None if isinstance(edited, NotApplicable) else Candidate(rung, edited, plain=self.of)


def _climbs(winners: Sequence[Candidate], known: Collection[Key]) -> list[_Climb]:
    best = winners[0]
    others = [c for c in winners if c.prescription.symptom == best.prescription.symptom]
    rival = next((c for c in others if _is_adaptive(c) != _is_adaptive(best)), None)
    climbs = [_Climb(c, _rungs(c, known), [c]) for c in (best, rival) if c is not None]
    with_adam = best.prescription.with_adam
    if rival is None and with_adam is not None:
        climbs.append(_Climb(best, [with_adam(factor) for factor in (1.0, *FACTORS)], []))
    return climbs


def _rungs(candidate: Candidate, known: Collection[Key]) -> list[Prescription]:
    at_rate = candidate.prescription.at_rate
    return [] if at_rate is None else [p for factor in FACTORS if (p := at_rate(factor)).key not in known]


def _is_adaptive(candidate: Candidate) -> bool:
    return "adaptive_rule" in candidate.prescription.remedy.split("+")
