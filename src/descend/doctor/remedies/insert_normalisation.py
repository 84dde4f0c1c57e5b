"""Normalisation behind the hidden layers, before the optimizer sees its parameters.

It is written into the network where its text shows its layers one by one; else hooks put it in, those of
`descend.network.insert_normalisation` within sequences, whose elements count as examples there.
"""

from collections.abc import Sequence
from typing import Any

import libcst as cst

from descend.doctor.record import Record, facts
from descend.doctor.remedies.reinitialise import all_modules, before_the_optimizer
from descend.doctor.script.script import Script
from descend.doctor.source.activations import made_like
from descend.doctor.source.hidden_layers import Layer, Layers, find_layers, with_behind
from descend.doctor.source.imports import with_torch
from descend.doctor.source.insert import insert_after
from descend.doctor.source.locate import Place
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import parse

HOOK = '''
def normalised(module, args, output):
    return module.normalisation(output)


def insert_normalisation({models}):
    """Put batch normalisation after the hidden layers (Ioffe & Szegedy 2015)."""
    layers = [m for m in {all} if isinstance(m, {kinds})]
    for layer in layers[:-1]:
{norm}
        layer.normalisation = norm.to(layer.weight.device)
        layer.register_forward_hook(normalised)
'''
OF_FEATURES = "        norm = torch.nn.BatchNorm1d(layer.out_features)"
OF_CHANNELS = """\
        is_linear = isinstance(layer, torch.nn.Linear)
        norm = torch.nn.BatchNorm1d(layer.out_features) if is_linear else torch.nn.BatchNorm2d(layer.out_channels)"""
ROWS, IMAGES, SEQUENCES = 2, 4, 3  # dimensions of a batch


def insert_normalisation(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Write a normalisation of `dose["kind"]` behind the hidden layers, or have it put in before the optimizer."""
    edited = _written(script, record, dose["kind"])
    if isinstance(edited, Script):
        return edited
    call = f'insert_normalisation({{}}, "{dose["kind"]}")'
    is_plain = dose["kind"] == "batch" and _are_features(record)
    return before_the_optimizer(script, record, dose.get("optimizer", "0"), call, _hooks if is_plain else _none)


def _none(place: Place, models: Sequence[str]) -> str:
    return ""


def _hooks(place: Place, models: Sequence[str]) -> str:
    parameters, every = all_modules(models)
    if any(word in place.syntax.module.code for word in ("Norm", "Attention", "Conv1d", "Conv3d")):
        return ""  # which layers one follows, or which are within others, the library knows
    has_channels = "Conv2d" in place.syntax.module.code
    kinds = "(torch.nn.Linear, torch.nn.Conv2d)" if has_channels else "torch.nn.Linear"
    return HOOK.format(models=parameters, all=every, kinds=kinds, norm=OF_CHANNELS if has_channels else OF_FEATURES)


def _written(script: Script, record: Record, kind: str) -> Script | NotApplicable:
    layers = find_layers(script, record)
    if isinstance(layers, NotApplicable):
        return layers
    if kind != "batch" or "Norm" in layers.text or not _are_features(record):
        return NotApplicable("the library puts it in")
    text = with_behind(
        layers,
        made=_norm,
        used=lambda layer, given: cst.Call(cst.parse_expression(_name(layer)), [cst.Arg(given)]),
    )
    made = _with_attributes(layers, text)
    edited = made if isinstance(made, NotApplicable) else with_torch(layers.syntax, made)
    return edited if isinstance(edited, NotApplicable) else script.edit(layers.syntax.file, edited)


def _are_features(record: Record) -> bool:
    """Whether hidden layers are given rows of features, or channels behind a convolution."""
    known = record.fact(facts.Inputs)
    if known is None:
        return False
    dimensions = len(known.shape)
    return dimensions in (ROWS, IMAGES) or (dimensions == SEQUENCES and known.first_layer == "conv1d")


def _norm(layer: Layer) -> cst.Call:
    places = layer.kind.removeprefix("Conv") if layer.kind.startswith("Conv") else "1d"
    return made_like(layer.call, f"BatchNorm{places}", [cst.Arg(cst.parse_expression(layer.units))])


def _name(layer: Layer) -> str:
    return f"{layer.name}_norm"


def _with_attributes(layers: Layers, text: str) -> str | NotApplicable:
    """Return the text with the normalisations of layers that are attributes made behind these."""
    for layer in layers.hidden:
        if layer.holder is not None:
            continue
        syntax = parse(layers.syntax.file, text)
        if isinstance(syntax, NotApplicable):
            return syntax
        assigned = [one for one in syntax.every(cst.Assign) if syntax.code(one.targets[0].target) == layer.name]
        made = cst.Module([]).code_for_node(_norm(layer))
        if len(assigned) != 1 or f"{_name(layer)} =" in text:
            return NotApplicable(f"`{layer.name}` is made in several places")
        edited = insert_after(syntax, assigned[0], f"{_name(layer)} = {made}")
        if isinstance(edited, NotApplicable):
            return edited
        text = edited
    return text
