"""The learning rate anew: what mends the cause moves the rate that is best, and a coarse grid finds it.

Half decades upwards (Bengio 2012, §3.1.1): a prescribed rate is on the safe side of the stability bound, and the
script's own was chosen for what ailed it.
"""

from collections.abc import Collection

from descend.record import Record
from descend.remedies import Key, NotApplicable
from descend.script import Script
from descend.trials.arms import Bench
from descend.trials.candidate import Candidate, run_all

FACTORS = (3.0, 10.0)
LEAST_LEFT = 1e-3  # of the cost: below that there is nothing to gain that anybody would see


def retuned(best: Candidate, script: Script, exam: Record, bench: Bench, known: Collection[Key]) -> list[Candidate]:
    """Return the best candidate at larger rates, run; without those `known`.

    None where hardly anything is left to gain, or where the candidate has no rate to set.
    """
    at_rate = best.prescription.at_rate
    if at_rate is None or best.prescription.judged_on != "fixed" or best.left <= LEAST_LEFT:
        return []
    prescriptions = [p for factor in FACTORS if (p := at_rate(factor)).key not in known]
    edited = [(p, p.apply(script)) for p in prescriptions]
    return run_all([Candidate(p, s, plain=best) for p, s in edited if not isinstance(s, NotApplicable)], exam, bench)
