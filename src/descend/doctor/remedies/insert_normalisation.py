"""Insert normalisation after the hidden layers, before the optimizer gets the model's parameters.

The patch edits the model if its source lists the layers one by one. Otherwise it adds forward hooks. For sequences
the patch calls `descend.network.insert_normalisation`, which normalises over the elements too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import libcst as cst

from descend.doctor.codemod.activations import construct_module
from descend.doctor.codemod.hidden_layers import Layer, Layers, find_layers, insert_after_hidden_layers
from descend.doctor.codemod.imports import import_torch_if_called
from descend.doctor.codemod.insert import insert_after
from descend.doctor.codemod.locate import Place
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.codemod.syntax import parse
from descend.doctor.record import Record, facts
from descend.doctor.remedies.reinitialise import code_for_models, insert_call_before_optimizer
from descend.doctor.script.script import Script

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
ROWS, IMAGES, SEQUENCES = 2, 4, 3  # number of dimensions of a batch of rows, of images and of sequences


@dataclass(frozen=True)
class InsertNormalisationArguments:
    """Arguments of the remedy `insert_normalisation`, which normalises the outputs of hidden layers."""

    kind: Literal["batch", "layer", "weight"]
    optimizer: str = "0"  # index of the optimizer in the script, as a string: "0" for the first


def insert_normalisation(script: Script, record: Record, arguments: InsertNormalisationArguments) -> Script:
    """Insert a normalisation after each hidden layer, in the model's source or by forward hooks."""
    if (edited := if_applicable(_edit_model, script, record, arguments.kind)) is not None:
        return edited
    call = f'insert_normalisation({{}}, "{arguments.kind}")'
    is_plain = arguments.kind == "batch" and _are_rows_or_have_channels(record)
    return insert_call_before_optimizer(
        script, record, arguments.optimizer, call, _hook_code if is_plain else lambda *_: ""
    )


def _hook_code(place: Place, models: Sequence[str]) -> str:
    """Return a function's source code that adds batch normalisation by forward hooks; "" if other layers prevent it."""
    parameters, every = code_for_models(models)
    if any(word in place.syntax.module.code for word in ("Norm", "Attention", "Conv1d", "Conv3d")):
        return ""  # Nested layers and existing normalisations need the function of descend.network.
    has_channels = "Conv2d" in place.syntax.module.code
    kinds = "(torch.nn.Linear, torch.nn.Conv2d)" if has_channels else "torch.nn.Linear"
    return HOOK.format(models=parameters, all=every, kinds=kinds, norm=OF_CHANNELS if has_channels else OF_FEATURES)


def _edit_model(script: Script, record: Record, kind: Literal["batch", "layer", "weight"]) -> Script:
    """Return the script with batch normalisation inserted into the source of the model."""
    layers = find_layers(script, record)
    if kind != "batch" or "Norm" in layers.text or not _are_rows_or_have_channels(record):
        raise NotApplicable("descend.network inserts the normalisation")
    text = insert_after_hidden_layers(
        layers,
        made=_norm_construction,
        used=lambda layer, given: cst.Call(cst.parse_expression(_norm_attribute(layer)), [cst.Arg(given)]),
    )
    made = _with_norms_constructed(layers, text)
    edited = import_torch_if_called(layers.syntax, made)
    return script.edit(layers.syntax.file, edited)


def _are_rows_or_have_channels(record: Record) -> bool:
    """Return whether an input of the model is a row of features or has channels, as images do."""
    known = record.fact(facts.Inputs)
    if known is None:
        return False
    dimensions = len(known.shape)
    return dimensions in (ROWS, IMAGES) or (dimensions == SEQUENCES and known.first_layer == "conv1d")


def _norm_construction(layer: Layer) -> cst.Call:
    """Return the call that constructs batch normalisation for a layer's output, such as `nn.BatchNorm1d(64)`."""
    places = layer.kind.removeprefix("Conv") if layer.kind.startswith("Conv") else "1d"
    return construct_module(layer.call, f"BatchNorm{places}", [cst.Arg(cst.parse_expression(layer.units))])


def _norm_attribute(layer: Layer) -> str:
    """Return the attribute for the normalisation that follows a layer: `self.hidden_norm` for `self.hidden`."""
    return f"{layer.name}_norm"


def _with_norms_constructed(layers: Layers, text: str) -> str:
    """Return the source that constructs a normalisation after each hidden layer that an attribute holds."""
    for layer in layers.hidden:
        if layer.holder is not None:
            continue
        syntax = parse(layers.syntax.file, text)
        assigned = [one for one in syntax.every(cst.Assign) if syntax.code(one.targets[0].target) == layer.name]
        made = cst.Module([]).code_for_node(_norm_construction(layer))
        if len(assigned) != 1 or f"{_norm_attribute(layer)} =" in text:
            raise NotApplicable(f"`{layer.name}` is created in several places")
        text = insert_after(syntax, assigned[0], f"{_norm_attribute(layer)} = {made}")
    return text
