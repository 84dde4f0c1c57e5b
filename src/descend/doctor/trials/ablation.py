"""Ablation: find the parts of a fix that are not needed.

A follow-up adds a second remedy to a first one. The second may be enough alone, if the first only made its problem
visible.
"""

from collections.abc import Sequence
from dataclasses import replace

from descend.doctor.record import Record
from descend.doctor.remedies import JudgedOn, Prescription, if_applicable
from descend.doctor.script.script import Script
from descend.doctor.trials.candidate import Candidate, run_candidates
from descend.doctor.trials.evaluation_metric import final_cost
from descend.doctor.trials.statistics import is_as_good
from descend.doctor.trials.study import Study
from descend.doctor.trials.trial import Part

RATE = "learning rate"  # beginning of a label such as "learning rate 0.5 → 0.03"


def find_required_parts(
    parts: Sequence[Part], whole: Record, judged_on: JudgedOn, study: Study
) -> tuple[tuple[Part, ...], Candidate] | None:
    """Return the parts that a fix needs, and a candidate with only these; None if the fix needs all of its parts.

    whole: the run with all parts. judged_on: the metric that compares the runs. The part with the smallest
    contribution is omitted first, then the next one. The remedy of a fact is never omitted.
    """
    found: tuple[tuple[Part, ...], Candidate] | None = None
    kept, value = tuple(parts), final_cost(whole, judged_on, study.baseline)
    while len(kept) > 1:
        fewer = [tuple(p for p in kept if p is not omitted) for omitted in kept if not omitted.prescription.of_fact]
        edited = [(rest, apply_parts(rest, study.script)) for rest in fewer]
        possible = [(rest, join_parts(rest, script, judged_on)) for rest, script in edited if script is not None]
        ran = run_candidates([candidate for _, candidate in possible], study)
        enough = [(rest, c) for (rest, _), c in zip(possible, ran) if not c.reason and is_as_good(c.value, value)]
        if not enough:
            break
        kept, _ = found = min(enough, key=lambda pair: pair[1].value)
    return found


def join_parts(parts: Sequence[Part], script: Script, judged_on: JudgedOn) -> Candidate:
    """Return a candidate that combines several parts of a fix and has not been run. script: the edited script."""
    each = _drop_replaced_rates([part.prescription for part in parts])
    both = Prescription(
        symptom=each[0].symptom,
        changes=tuple(change for p in each for change in p.changes),
        label=" + ".join(p.label for p in each),
        cost=sum(p.cost for p in each),
        judged_on=judged_on,
        of_search=each[0].of_search,
        remakes=frozenset().union(*(p.remakes for p in each)),
    )
    return Candidate(both, script)


def _drop_replaced_rates(each: Sequence[Prescription]) -> list[Prescription]:
    """Remove each change of a learning rate that a later prescription overwrites, and correct the labels of both."""
    found = list(each)
    for later in range(1, len(found)):
        for earlier in range(later):
            one, other = found[earlier], found[later]
            if not one.remedies[-1:] == other.remedies[-1:] == ("learning_rate",) or one.optimizer != other.optimizer:
                continue
            kept, _, rates = one.label.rpartition(f", {RATE} ")
            if kept:
                old, _, new = rates.partition(" → ")
                label = other.label.replace(f"{RATE} {new} →", f"{RATE} {old} →")
                found[earlier] = replace(one, changes=one.changes[:-1], label=kept)
                found[later] = replace(other, label=label)
    return found


def apply_parts(parts: Sequence[Part], script: Script) -> Script | None:
    """Apply the edits of all parts to the script in order; return None if an edit depends on an omitted part."""
    edited = script
    for part in parts:
        further = if_applicable(part.prescription.apply, replace(edited, examined=part.examined))
        if further is None:
            return None
        edited = further
    return replace(edited, examined=script.examined)
