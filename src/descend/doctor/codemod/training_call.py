"""Find the call of the model in training; the first call that a run records may be an evaluation."""

from dataclasses import replace

import libcst as cst

from descend.doctor.codemod.aliases import name_at
from descend.doctor.codemod.bindings import loops_around
from descend.doctor.codemod.called_model import called_model
from descend.doctor.codemod.functions import functions_around
from descend.doctor.codemod.locate import Place, locate
from descend.doctor.codemod.no_grad_blocks import block_without_gradients
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script


def training_call(script: Script, record: Record) -> Place:
    """Return the training call of the model: the recorded call or, if gradients are disabled there, another call."""
    place, backward = (
        locate(script, record, SiteKind.MODEL_CALL),
        if_applicable(locate, script, record, SiteKind.BACKWARD),
    )
    if block_without_gradients(place.syntax, place.call) is None:
        return place
    syntax, line = place.syntax, place.syntax.line(place.call)
    if backward is not None and backward.syntax is syntax:
        around = [*loops_around(syntax, backward.call)[::-1], *functions_around(syntax, backward.call), syntax.module]
        for name in _model_names(script, record, place, backward):
            for call in syntax.every(cst.Call, around[0]):
                if syntax.code(call.func) == name and block_without_gradients(syntax, call) is None:
                    return replace(place, call=call)
    raise NotApplicable(f"line {line} calls the model with gradients disabled, so this call is not part of training")


def _model_names(script: Script, record: Record, place: Place, backward: Place) -> list[str]:
    """Return the names by which code near the backward pass may call the model."""
    made, called = if_applicable(locate, script, record, SiteKind.MODEL), if_applicable(called_model, place)
    names = [called] if called is not None else []
    if made is not None and made.syntax is place.syntax:
        name = name_at(place.syntax, made.call, made.site.variable, backward.call)
        names = [name, *names] if name is not None else names
    return names
