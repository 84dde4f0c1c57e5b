"""What each problem is called in the report."""

from descend.doctor.canon import CANON
from descend.doctor.report.wording import plain_name
from descend.doctor.symptoms import Symptom


def title(symptom: str) -> str:
    """Return the headline of an id; the id in plain words where it is of a problem that is no longer looked for."""
    return CANON[symptom].title if symptom in CANON else plain_name(symptom)


def heading(symptom: Symptom) -> str:
    """Return the headline of what was found: of an observation the edit and what it does, and no diagnosis."""
    edit, colon, _ = symptom.sentence.partition(": ")
    return edit if symptom.is_observation and colon and edit.startswith("With") else title(symptom.id)
