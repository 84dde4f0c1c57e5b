"""Replace the hidden activations: ReLU does not saturate for large inputs (Glorot et al. 2011)."""

import libcst as cst

from descend.doctor.codemod.activations import (
    MODULE_CLASSES,
    canonical_activation,
    construct_activation,
    is_class_name,
    replace_activation,
)
from descend.doctor.codemod.all_sites import places_by_file
from descend.doctor.codemod.imports import import_torch_if_called
from descend.doctor.codemod.locate import Place
from descend.doctor.codemod.names import is_call_of
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.syntax import Change
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedies.arguments import ActivationArguments
from descend.doctor.script.script import Script


def hidden_activation(script: Script, record: Record, arguments: ActivationArguments) -> Script:
    """Replace every recorded hidden activation by the given one, such as relu, tanh or leaky_relu."""
    activation = arguments.activation
    if activation not in MODULE_CLASSES:
        raise NotApplicable(f"`{activation}` is not a known activation")
    seen = [site for site in record.sites if site.kind == SiteKind.HIDDEN_ACTIVATION]
    if not seen:
        raise NotApplicable("the run did not show where the hidden activations are in the source")
    others = [site for site in seen if canonical_activation(site.detail) != activation]
    if not others:
        raise NotApplicable(f"the hidden activations are already {activation}")
    files = places_by_file(script, others)
    for places in files:
        text = _with_activations_replaced(places, activation, record)
        script = script.edit(places[0].syntax.file, text)
    return script


def _with_activations_replaced(places: list[Place], activation: str, record: Record) -> str:
    """Return the source of one file with the recorded activations replaced by the given one."""
    syntax = places[0].syntax
    changes: dict[cst.CSTNode, Change] = {}
    for place in places:
        change = _activation_edit(place, activation, record)
        changes[place.call] = change
    text = syntax.rewrite(changes)
    return import_torch_if_called(syntax, text)


def _activation_edit(place: Place, activation: str, record: Record) -> Change:
    """Return the edit that replaces one activation. Raise NotApplicable if the call does not contain its input."""
    syntax, call, name = place.syntax, place.call, place.site.detail
    line = syntax.line(call)
    if not is_call_of(syntax, call, name):
        raise NotApplicable(place.indirect_call_message)
    ends = record.every_site(SiteKind.ACTIVATION, "output")
    if any((s.file, s.end_line, s.end_column) == _end_position(place) for s in ends):
        raise NotApplicable(f"the {name} in line {line} is also the output activation")
    if is_class_name(name):
        new = construct_activation(call, activation)
        return lambda now: new
    change = replace_activation(syntax, call, activation)
    if change is None:
        raise NotApplicable(f"line {line} does not contain the input of {name}")
    return change


def _end_position(place: Place) -> tuple[str, int, int]:
    """Return the file, the line and the column where the recorded call ends."""
    return place.site.file, place.site.end_line, place.site.end_column
