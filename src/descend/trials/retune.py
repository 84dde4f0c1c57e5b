"""The learning rate anew: what mends the cause moves the rate that is best, and a coarse grid finds it.

Half decades upwards (Bengio 2012, §3.1.1): a prescribed rate is on the safe side of the stability bound, and the
script's own was chosen for what ailed it.
"""

from collections.abc import Collection, Sequence

from descend.record import Record
from descend.remedies import Key, NotApplicable
from descend.script import Script
from descend.trials.arms import Bench
from descend.trials.candidate import Candidate, run_all

CLIMB = ((3.0, 10.0), (30.0, 100.0))  # the second pair where the highest of the first is the best
LEAST_LEFT = 1e-3  # of the cost: below that there is nothing to gain that anybody would see


def retuned(best: Candidate, script: Script, exam: Record, bench: Bench, known: Collection[Key]) -> list[Candidate]:
    """Return the best candidate at larger rates, run; without those `known`.

    None where hardly anything is left to gain, or where the candidate has no rate to set.
    """
    tried: list[Candidate] = []
    for factors in CLIMB:
        if not _may_gain(best, tried):
            break
        tried += run_all(_at(factors, best, script, known), exam, bench)
    return tried


def _may_gain(best: Candidate, tried: Sequence[Candidate]) -> bool:
    top = min([best, *(c for c in tried if c.helps)], key=lambda c: c.left)
    is_highest = not tried or top is tried[-1]
    return is_highest and top.left > LEAST_LEFT and best.prescription.judged_on == "fixed"


def _at(factors: Sequence[float], best: Candidate, script: Script, known: Collection[Key]) -> list[Candidate]:
    at_rate = best.prescription.at_rate
    prescriptions = [] if at_rate is None else [p for f in factors if (p := at_rate(f)).key not in known]
    edited = [(p, p.apply(script)) for p in prescriptions]
    return [Candidate(p, s, plain=best) for p, s in edited if not isinstance(s, NotApplicable)]
