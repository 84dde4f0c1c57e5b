"""Repeat edits that had no effect at the line that overrides the edited setting."""

from collections.abc import Sequence
from dataclasses import replace

from descend.doctor.record import Fact, facts
from descend.doctor.remedies import if_applicable
from descend.doctor.trials.candidate import Candidate, run_candidates
from descend.doctor.trials.effect import override_site, unchanged_settings
from descend.doctor.trials.study import Study


def move_edits_to_overrides(candidates: Sequence[Candidate], study: Study) -> list[Candidate]:
    """Find edits that a later line of the script overrides, apply them to that line instead, and run them again."""
    if not _record_overrides(candidates, study):
        return list(candidates)
    again = {}
    for candidate in candidates:
        edited = if_applicable(candidate.prescription.apply, study.script) if candidate.has_no_effect else None
        if edited is None or candidate.script is None:
            continue
        if edited.edits != candidate.script.edits:
            again[candidate.prescription.key] = replace(candidate, script=edited, record=None, reason="")
    ran = {c.prescription.key: c for c in run_candidates(list(again.values()), study)} if again else {}
    return [ran.get(c.prescription.key, c) if c.has_no_effect else c for c in candidates]


def _record_overrides(candidates: Sequence[Candidate], study: Study) -> bool:
    """Add each overridden setting and the overriding line to the record of the baseline; return whether any is new.

    The remedies read the record, so they then edit the overriding line.
    """
    baseline, is_new = study.baseline, False
    for candidate in candidates:
        if not candidate.has_no_effect or candidate.record is None:
            continue
        for change, quantity in unchanged_settings(candidate.prescription, candidate.record, baseline):
            site, name = override_site(candidate.record, quantity, change), quantity.name(change.values)
            is_known = site is None or override_site(baseline, quantity, change) is not None
            if site is not None and not is_known:
                baseline.add(site)
                is_new = True
            elif quantity.is_number and name and baseline.fact(facts.Ineffective, name) is None:
                baseline.add(Fact.of(facts.Ineffective(), 0, name))
                is_new = True
    return is_new
