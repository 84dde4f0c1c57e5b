"""A normalisation taken away that lets nothing through: over a single entry."""

from typing import Any

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.locate import locate
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.without_call import without_call


def remove_normalisation(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Remove the normalisation `dose["place"]` of those that were seen over a single entry."""
    place = locate(script, record, "lone_entry", dose["place"])
    if isinstance(place, NotApplicable):
        return place
    text = without_call(place)
    return text if isinstance(text, NotApplicable) else script.edit(place.syntax.file, text)
