"""The call of the model on which training goes back: the first one that a run sees may be of an evaluation."""

from dataclasses import replace

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.aliases import name_at
from descend.doctor.source.bindings import loops_around
from descend.doctor.source.called_model import called_model
from descend.doctor.source.functions import functions_around
from descend.doctor.source.locate import Place, locate
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.without_gradients import block_without_gradients


def training_call(script: Script, record: Record) -> Place | NotApplicable:
    """Return the recorded call of the model; where that is without gradients, the one before the backward pass."""
    place, backward = locate(script, record, "model_call"), locate(script, record, "backward")
    if isinstance(place, NotApplicable) or block_without_gradients(place.syntax, place.call) is None:
        return place
    syntax, line = place.syntax, place.syntax.line(place.call)
    if isinstance(backward, Place) and backward.syntax is syntax:
        around = [*loops_around(syntax, backward.call)[::-1], *functions_around(syntax, backward.call), syntax.module]
        for name in _names(script, record, place, backward):
            for call in syntax.every(cst.Call, around[0]):
                if syntax.code(call.func) == name and block_without_gradients(syntax, call) is None:
                    return replace(place, call=call)
    return NotApplicable(f"line {line} calls the model without gradients: it does not train there")


def _names(script: Script, record: Record, place: Place, backward: Place) -> list[str]:
    """Return what the model may be called at the backward pass."""
    made, called = locate(script, record, "model"), called_model(place)
    names = [called] if isinstance(called, str) else []
    if isinstance(made, Place) and made.syntax is place.syntax:
        name = name_at(place.syntax, made.call, made.site.variable, backward.call)
        names = [name, *names] if name is not None else names
    return names
