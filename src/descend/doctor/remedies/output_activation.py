"""Another activation at the model's output: the one that the loss is made for."""

from functools import partial
from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.activations import (
    MODULES,
    activated,
    activation_of,
    constructor,
    is_constructor,
    other_activation,
)
from descend.doctor.source.arguments import keyword, written
from descend.doctor.source.every_site import edit_every_site
from descend.doctor.source.imports import with_torch
from descend.doctor.source.locate import Place
from descend.doctor.source.names import is_call_of
from descend.doctor.source.not_applicable import NotApplicable

ALONG_A_DIMENSION = {"softmax", "log_softmax", "softmin"}  # take `dim`
CLASSES = 1  # the dimension of a batch along which the classes lie, where nothing tells another


def output_activation(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Apply `dose["activation"]` where the output activation was seen, along `dose["dim"]` if it has a dimension."""
    seen = record.every_site("activation", "output")
    if not seen:
        return NotApplicable("the run did not show where the output activation is in the source")
    if dose["activation"] not in MODULES:
        return NotApplicable(f"`{dose['activation']}` is no activation that is known here")
    return edit_every_site(script, seen, partial(_with_other, dose=dose))


def _with_other(place: Place, dose: dict[str, Any]) -> str | NotApplicable:
    syntax, call, name = place.syntax, place.call, place.site.detail
    if not is_call_of(syntax, call, name):
        return NotApplicable(place.inside)
    if activation_of(name) == dose["activation"]:
        line = place.syntax.line(place.call)
        return NotApplicable(f"the output activation in line {line} is {name} already")
    arguments = _arguments(place, dose)
    if is_constructor(name):
        text = syntax.replace(call, constructor(call, dose["activation"], arguments))
    else:
        change = other_activation(syntax, call, dose["activation"], arguments)
        if change is None:
            return NotApplicable(f"line {syntax.line(call)} does not show what {name} gets")
        text = syntax.rewrite({call: change})
    return with_torch(syntax, text)


def _arguments(place: Place, dose: dict[str, Any]) -> list[cst.Arg]:
    """Return what the new activation takes besides its input: the old one's dimension where that has one."""
    if dose["activation"] not in ALONG_A_DIMENSION:
        return []
    if activation_of(place.site.detail) not in ALONG_A_DIMENSION:
        return [keyword("dim", written(dose.get("dim", CLASSES)))]
    is_made = is_constructor(place.site.detail)
    inputs = None if is_made else activated(place.syntax, place.call)
    return [argument for argument in place.call.args if argument.value is not inputs]
