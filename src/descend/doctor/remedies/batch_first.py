"""Recurrent and attention layers told whether the batch is the first dimension, or time."""

from typing import Any

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.locate import locate
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.setting import Setting, apply, set_argument

BATCH_FIRST = Setting("batch_first", None, "batch_first", True)


def batch_first(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Give the layer that mixes the examples of a batch `dose["batch_first"]`."""
    place = locate(script, record, "mixing")
    if isinstance(place, NotApplicable):
        return place
    edit = set_argument(place, BATCH_FIRST, dose["batch_first"], script, record)
    return edit if isinstance(edit, NotApplicable) else apply(script, place.syntax, [edit], BATCH_FIRST.words)
