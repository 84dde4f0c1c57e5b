"""Which of the changes that a cure is made of it does as well without.

What was found behind a change may be all that was needed: the change itself, rough as it was, only let it be seen.
"""

from collections.abc import Sequence
from dataclasses import replace

from descend.doctor.record import Record
from descend.doctor.remedies import JudgedOn, NotApplicable, Prescription
from descend.doctor.script.script import Script
from descend.doctor.trials.candidate import Candidate, run_all
from descend.doctor.trials.statistics import as_good
from descend.doctor.trials.study import Study
from descend.doctor.trials.trial import Part
from descend.doctor.trials.yardsticks import yardstick

RATE = "learning rate"  # as a label begins that says what becomes of it
Needed = tuple[tuple[Part, ...], Candidate]


def needed(parts: Sequence[Part], whole: Record, on: JudgedOn, study: Study) -> Needed | None:
    """Return those parts that the cure does worse without, as they ran; None where it needs all.

    The one that is missed least is left out first, then the next; what mends a fact stays. baseline, whole: the
    script's runs with none of them and with all; on: what judges them.
    """
    found: Needed | None = None
    kept, value = tuple(parts), yardstick(whole, on, study.baseline)[1]
    while len(kept) > 1:
        fewer = [tuple(p for p in kept if p is not left) for left in kept if not left.prescription.of_fact]
        made = [(rest, made_again(rest, study.script)) for rest in fewer]
        possible = [(rest, joined(rest, edited, on)) for rest, edited in made if edited is not None]
        ran = run_all([candidate for _, candidate in possible], study)
        enough = [(rest, c) for (rest, _), c in zip(possible, ran) if not c.reason and as_good(c.value, value)]
        if not enough:
            break
        kept, _ = found = min(enough, key=lambda pair: pair[1].value)
    return found


def joined(parts: Sequence[Part], script: Script, judged_on: JudgedOn) -> Candidate:
    """Return the parts as one candidate that has not been run; `script` has them all."""
    each = _with_last_rates([part.prescription for part in parts])
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


def _with_last_rates(each: Sequence[Prescription]) -> list[Prescription]:
    """Return the prescriptions without the learning rates that a later one replaces: the patch has only the last."""
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


def made_again(parts: Sequence[Part], script: Script) -> Script | None:
    """Return the script with these parts, made one after another; None where one needs what another has made."""
    edited = script
    for part in parts:
        made = part.prescription.apply(replace(edited, examined=part.examined))
        if isinstance(made, NotApplicable):
            return None
        edited = made
    return replace(edited, examined=script.examined)
