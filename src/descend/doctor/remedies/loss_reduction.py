"""The loss summed as another of its terms is, so that both are of the whole batch."""

from typing import Any

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.locate import Place, locate
from descend.doctor.source.names import is_call_of
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.reported import reported_as_before
from descend.doctor.source.setting import Setting, apply, set_argument

REDUCTION = Setting("reduction", None, "reduction")


def loss_reduction(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Give the loss, where it is made or else where it is called, the `reduction` of the dose."""
    made = locate(script, record, "loss_module")
    place = made if isinstance(made, Place) else locate(script, record, "loss")
    if isinstance(place, NotApplicable):
        return place
    if not is_call_of(place.syntax, place.call, place.site.detail):
        return NotApplicable(place.inside)
    edit = set_argument(place, REDUCTION, dose["reduction"], script, record)
    edited = edit if isinstance(edit, NotApplicable) else apply(script, place.syntax, [edit], REDUCTION.words)
    if isinstance(edited, NotApplicable):
        return edited
    return reported_as_before(edited, record, is_mean=dose["reduction"] == "mean")
