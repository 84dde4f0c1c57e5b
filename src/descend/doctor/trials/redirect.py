"""Edits that had no effect, made again where the value comes from that acts in the run."""

from collections.abc import Sequence
from dataclasses import replace

from descend.doctor.record import Fact, facts
from descend.doctor.remedies import NotApplicable
from descend.doctor.trials.candidate import Candidate, run_all
from descend.doctor.trials.effect import overwritten_at, unchanged
from descend.doctor.trials.study import Study


def redirected(candidates: Sequence[Candidate], study: Study) -> list[Candidate]:
    """Return the candidates; each that had no effect is edited elsewhere and run again, where that can be done."""
    if not _learned(candidates, study):
        return list(candidates)
    again = {}
    for candidate in candidates:
        edited = candidate.prescription.apply(study.script) if candidate.has_no_effect else None
        if edited is None or isinstance(edited, NotApplicable) or candidate.script is None:
            continue
        if edited.edits != candidate.script.edits:
            again[candidate.prescription.key] = replace(candidate, script=edited, record=None, reason="")
    ran = {c.prescription.key: c for c in run_all(list(again.values()), study)} if again else {}
    return [ran.get(c.prescription.key, c) if c.has_no_effect else c for c in candidates]


def _learned(candidates: Sequence[Candidate], study: Study) -> bool:
    """Note in the baseline where settings are overwritten, or that a number is not used; tell whether that is news."""
    baseline, is_news = study.baseline, False
    for candidate in candidates:
        if not candidate.has_no_effect or candidate.record is None:
            continue
        for change, quantity in unchanged(candidate.prescription, candidate.record, baseline):
            site, name = overwritten_at(candidate.record, quantity, change), quantity.name(change.dose)
            is_known = site is None or overwritten_at(baseline, quantity, change) is not None
            if site is not None and not is_known:
                baseline.add(site)
                is_news = True
            elif quantity.is_number and name and baseline.fact(facts.Ineffective, name) is None:
                baseline.add(Fact.of(facts.Ineffective(), 0, name))
                is_news = True
    return is_news
