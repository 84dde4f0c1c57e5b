"""Rectifiers behind the hidden layers of a network that has no nonlinearity.

They are written into the network where its text shows its layers one by one; else hooks put them in.
"""

from collections.abc import Sequence
from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.remedies.reinitialise import all_modules, before_the_optimizer
from descend.doctor.script.script import Script
from descend.doctor.source.activations import constructor
from descend.doctor.source.hidden_layers import find_layers, with_behind
from descend.doctor.source.imports import with_torch
from descend.doctor.source.locate import Place
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import dotted

HOOK = '''
def activated(module, args, output):
    return torch.relu(output)


def insert_activations({models}):
    """Put rectifiers behind the hidden layers: without a nonlinearity all layers together are one."""
    layers = [m for m in {all} if isinstance(m, (torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d))]
    for layer in layers[:-1]:
        layer.register_forward_hook(activated)
'''


def insert_activations(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Write rectifiers behind the hidden layers, or have them put in before the optimizer is made."""
    text = _written(script, record)
    if isinstance(text, Script):
        return text
    return before_the_optimizer(script, record, dose.get("optimizer", "0"), "insert_activations({})", _hooks)


def _hooks(place: Place, models: Sequence[str]) -> str:
    parameters, every = all_modules(models)
    if "Norm" in place.syntax.module.code:  # which layers one follows the library knows
        return ""
    return HOOK.format(models=parameters, all=every)


def _written(script: Script, record: Record) -> Script | NotApplicable:
    layers = find_layers(script, record)
    if isinstance(layers, NotApplicable):
        return layers
    if "Norm" in layers.text:
        return NotApplicable("a normalisation stands behind layers of the model")
    text = with_behind(
        layers,
        made=lambda layer: constructor(layer.call, "relu"),
        used=lambda layer, given: cst.Call(dotted("torch.relu"), [cst.Arg(given)]),
    )
    edited = with_torch(layers.syntax, text)
    return edited if isinstance(edited, NotApplicable) else script.edit(layers.syntax.file, edited)
