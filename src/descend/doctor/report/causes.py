"""Which findings are causes, which are consequences of others, and which certain ones a fix does not fix."""

from descend.doctor.assess.symptom import Symptom
from descend.doctor.case import Case


def consequences(case: Case) -> frozenset[str]:
    """Return the ids of the findings that a more important finding explains."""
    explained_ids: set[str] = set()
    for finding in case.findings:
        if finding.id not in explained_ids:
            explained_ids |= finding.explains - {finding.id}
    return frozenset(explained_ids)


def causes(case: Case) -> tuple[Symptom, ...]:
    """Return the findings that no other finding explains, worst first; all findings if others explain each of them."""
    explained_ids = consequences(case)
    return tuple(f for f in case.findings if f.id not in explained_ids) or case.findings


def unfixed_problems(case: Case) -> list[Symptom]:
    """Return the certain problems that the proved fix does not fix; an empty list without a fix."""
    fixed = case.fix.symptoms if case.fix else ()
    return [finding for finding in causes(case) if case.fix and finding.certain and finding.id not in fixed]
