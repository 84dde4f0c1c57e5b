"""Another activation in the hidden layers: rectifiers do not flatten where their inputs grow (Glorot et al. 2011)."""

from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.activations import MODULES, activation_of, constructor, is_constructor, other_activation
from descend.doctor.source.imports import with_torch
from descend.doctor.source.locate import Place
from descend.doctor.source.names import is_call_of
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Change
from descend.doctor.source.together import places_by_file


def hidden_activation(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Write the activation `dose["activation"]` (relu, tanh, leaky_relu) wherever a hidden one was seen."""
    activation = dose["activation"]
    if activation not in MODULES:
        return NotApplicable(f"`{activation}` is no activation that is known here")
    seen = [site for site in record.sites if site.kind == "hidden_activation"]
    if not seen:
        return NotApplicable("the run did not show where the hidden activations are in the source")
    others = [site for site in seen if activation_of(site.detail) != activation]
    if not others:
        return NotApplicable(f"the hidden activations are {activation} already")
    files = places_by_file(script, others)
    if isinstance(files, NotApplicable):
        return files
    for places in files:
        text = _rewritten(places, activation, record)
        if isinstance(text, NotApplicable):
            return text
        script = script.edit(places[0].syntax.file, text)
    return script


def _rewritten(places: list[Place], activation: str, record: Record) -> str | NotApplicable:
    syntax = places[0].syntax
    changes: dict[cst.CSTNode, Change] = {}
    for place in places:
        change = _change(place, activation, record)
        if isinstance(change, NotApplicable):
            return change
        changes[place.call] = change
    text = syntax.rewrite(changes)
    return with_torch(syntax, text)


def _change(place: Place, activation: str, record: Record) -> Change | NotApplicable:
    syntax, call, name = place.syntax, place.call, place.site.detail
    line = syntax.line(call)
    if not is_call_of(syntax, call, name):
        return NotApplicable(place.inside)
    ends = record.every_site("activation", "output")
    if any((s.file, s.end_line, s.end_column) == _end(place) for s in ends):
        return NotApplicable(f"the {name} in line {line} is the output activation, too")
    if is_constructor(name):
        new = constructor(call, activation)
        return lambda now: new
    change = other_activation(syntax, call, activation)
    return change or NotApplicable(f"line {line} does not show what {name} gets")


def _end(place: Place) -> tuple[str, int, int]:
    return place.site.file, place.site.end_line, place.site.end_column
