"""Screens prescriptions: each edited source runs under the script's own seed, however many prescriptions give it.

One edit has one trial, one verdict and one metric. An edit that shows no gain is judged again by the next metric that
one of its prescriptions names, and last by the script's own number. Such a judgement replaces the earlier one.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from math import isfinite

from descend.doctor.course.opponents import has_exploded, has_opponents
from descend.doctor.course.own_metric import own_metric
from descend.doctor.record import Record
from descend.doctor.remedies import JudgedOn, NotApplicable, Prescription
from descend.doctor.trials.candidate import BY_LOSS, OPPONENTS, Candidate, judged_unpaired, run_all
from descend.doctor.trials.redirect import redirected
from descend.doctor.trials.study import Study
from descend.doctor.trials.untouched import with_the_same_measure
from descend.doctor.trials.yardsticks import yardstick

NO_YARDSTICK = "no step could be recorded and replayed, so there is nothing to judge a remedy by"
MISSING: dict[JudgedOn, str] = {
    "held_out": "the script computes no loss on held-out data",
    "nothing": "no trial can judge it: without the fault the cost is higher, and honest",
}


def screen(prescriptions: Iterable[Prescription], study: Study, known: Sequence[Candidate] = ()) -> list[Candidate]:
    """Return `known`, then a candidate for each source that is new, run once and judged.

    A prescription whose source is known joins the candidate with that source.
    """
    keys = {p.key for candidate in known for p in candidate.prescriptions}
    asked = [p for p in prescriptions if p.key not in keys]
    candidates = {candidate.edit: candidate for candidate in one_for_each_edit(asked, study, known)}
    new = [edit for edit, c in candidates.items() if c.record is None and not c.reason]
    ran = dict(zip(new, _judged([_judged_by(candidates[edit], study) for edit in new], study)))
    candidates = {
        c.edit: c for c in (ran.get(edit, c) for edit, c in candidates.items())
    }  # a redirected edit is another
    changed = [candidate.edit for candidate in candidates.values() if any(p.key not in keys for p in candidate.asked)]
    return list(_judged_again(candidates, changed, study).values())


def one_for_each_edit(
    prescriptions: Iterable[Prescription], study: Study, known: Sequence[Candidate] = ()
) -> list[Candidate]:
    """Return `known`, then a candidate for each source that is new, before its run."""
    candidates = {candidate.edit: candidate for candidate in known}
    for prescription in prescriptions:
        made = _made(prescription, study)
        one = candidates.get(made.edit)
        candidates[made.edit] = made if one is None else _joined_by(prescription, one)
    return list(candidates.values())


def in_order(asked: Iterable[Prescription], candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return the candidates of the prescriptions `asked`, in their order; each is led by the first that asks for it."""
    owners = {p.key: candidate for candidate in candidates for p in candidate.prescriptions}
    found: dict[Hashable, list[Prescription]] = {}
    for prescription in asked:
        found.setdefault(owners[prescription.key].edit, []).append(prescription)
    by_edit = {candidate.edit: candidate for candidate in owners.values()}
    return [_led_by(prescriptions, by_edit[edit]) for edit, prescriptions in found.items()]


def _led_by(prescriptions: Sequence[Prescription], candidate: Candidate) -> Candidate:
    """Return a candidate with these prescriptions first, and after them the others that give the same source."""
    keys = {prescription.key for prescription in prescriptions}
    return _asked_by((*prescriptions, *(p for p in candidate.prescriptions if p.key not in keys)), candidate)


def _made(prescription: Prescription, study: Study) -> Candidate:
    """Return the candidate of one prescription, before its run."""
    edited = prescription.apply(study.script)
    if isinstance(edited, NotApplicable):
        return Candidate(prescription, None, reason=edited.reason, asked=(prescription,))
    return Candidate(prescription, edited, asked=(prescription,))


def _joined_by(prescription: Prescription, candidate: Candidate) -> Candidate:
    """Return a candidate that one more prescription gives; it is then no variant of another candidate any more."""
    return _asked_by((*candidate.prescriptions, prescription), replace(candidate, plain=None))


def _asked_by(prescriptions: tuple[Prescription, ...], candidate: Candidate) -> Candidate:
    """Return a candidate as these prescriptions ask for it: by the first one, and judged by what has judged it."""
    first = replace(
        prescriptions[0],
        judged_on=candidate.prescription.judged_on if candidate.record is not None else prescriptions[0].judged_on,
        of_fact=any(p.of_fact for p in prescriptions),
        much=all(p.much for p in prescriptions),
    )
    return replace(candidate, prescription=first, asked=prescriptions)


def _judged_by(candidate: Candidate, study: Study, judged_on: JudgedOn | None = None) -> Candidate:
    """Return a candidate that is to be run and judged by a metric, or the reason why that cannot judge it."""
    baseline, judged_on = study.baseline, judged_on or candidate.prescription.judged_on
    prescription, reason = replace(candidate.prescription, judged_on=judged_on), ""
    if judged_on != "metric" and has_opponents(baseline) and not has_exploded(baseline):
        reason = OPPONENTS
    elif not yardstick(baseline, judged_on)[0]:
        reason = MISSING.get(judged_on, NO_YARDSTICK)
    return Candidate(prescription, candidate.script, reason=reason, asked=candidate.asked)


def _judged(candidates: Sequence[Candidate], study: Study) -> list[Candidate]:
    """Run and judge candidates."""
    judged = list(judged_unpaired(redirected(run_all(candidates, study), study), study))
    return list(with_the_same_measure(judged, study))


def _judged_again(
    candidates: dict[Hashable, Candidate], edits: Sequence[Hashable], study: Study
) -> dict[Hashable, Candidate]:
    """Judge those of `edits` that show no gain by their other metrics, one after another."""
    others = {edit: _other_metrics(candidates[edit], study.baseline) for edit in edits}
    while asked := [edit for edit in edits if others[edit] and _shows_no_gain(candidates[edit])]:
        again = [_judged_by(candidates[edit], study, others[edit].pop(0)) for edit in asked]
        for edit, candidate in zip(asked, _judged(again, study)):
            if candidate.helps or (candidates[edit].reason and not candidate.reason):
                candidates[edit] = candidate
    return candidates


def _shows_no_gain(candidate: Candidate) -> bool:
    """Whether it had an effect, and could not be judged or gained too little; not where it failed or diverged."""
    ending = candidate.record.ending if candidate.record else None
    has_failed = ending is not None and ending.reason in ("failed", "killed")
    if candidate.script is None or has_failed or candidate.has_no_effect:
        return False
    return bool(candidate.reason) or (isfinite(candidate.value) and not candidate.helps)


def _other_metrics(candidate: Candidate, baseline: Record) -> list[JudgedOn]:
    """Return the metrics that judge an edit where the first one shows no gain.

    What fixes a fact is judged by the script's own number, too, where no loss can judge it. A number of held-out data
    judges it also where a loss shows no gain: what is wired wrongly may be wrong there alone.
    """
    first, metric = candidate.prescription.judged_on, own_metric(baseline)
    if first == "nothing":
        return []  # with an honest fix the cost is higher
    found = [p.judged_on for p in candidate.prescriptions if p.judged_on not in ("nothing", "time")]
    if metric is not None and candidate.prescription.of_fact:
        is_unjudged = bool(candidate.reason) and first in BY_LOSS
        if is_unjudged or (metric.is_held_out is True and not candidate.reason and first == "fixed"):
            found.append("metric")
    return [judged_on for judged_on in dict.fromkeys(found) if judged_on != first]
