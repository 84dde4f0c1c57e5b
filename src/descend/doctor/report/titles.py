"""What each problem is called in the report."""

from descend.doctor.canon import CANON
from descend.doctor.report.wording import plain_name


def title(symptom: str) -> str:
    """Return the headline of an id; the id in plain words where it is of a problem that is no longer looked for."""
    return CANON[symptom].title if symptom in CANON else plain_name(symptom)
