"""The titles of problems and findings in reports."""

from descend.doctor.assess.symptom import Symptom
from descend.doctor.catalog import CATALOG
from descend.doctor.report.formatting import one_line, plain_name


def title(symptom: str) -> str:
    """Return the title of a problem. If the catalog no longer has this problem, return its id as words."""
    return CATALOG[symptom].title if symptom in CATALOG else plain_name(symptom)


def title_with_id(symptom: str) -> str:
    """Return the title of a problem followed by its id in brackets."""
    return f"{title(symptom)} [{one_line(symptom)}]"


def heading(symptom: Symptom) -> str:
    """Return the title of the problem or, for a finding without a known cause, the edit that was tried."""
    edit, colon, _ = symptom.sentence.partition(": ")
    return edit if symptom.is_observation and colon and edit.startswith("With") else title(symptom.id)


def heading_with_id(symptom: Symptom) -> str:
    """Return the heading of a finding followed by its id in brackets."""
    return f"{heading(symptom)} [{one_line(symptom.id)}]"
