"""Derivatives that keep their graph, so that a term of the loss made of them is trained, too."""

from typing import Any

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.locate import locate
from descend.doctor.source.names import is_call_of
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.setting import Setting, apply, set_argument

CREATE_GRAPH = Setting("create_graph", 4, "create_graph=True")


def create_graph(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Give the call of `torch.autograd.grad` that the loss is made of `create_graph=True`. It takes no dose."""
    place = locate(script, record, "derivative")
    if isinstance(place, NotApplicable):
        return place
    if not is_call_of(place.syntax, place.call, "grad"):
        return NotApplicable(place.inside)
    edit = set_argument(place, CREATE_GRAPH, True, script, record)
    return edit if isinstance(edit, NotApplicable) else apply(script, place.syntax, [edit], CREATE_GRAPH.words)
