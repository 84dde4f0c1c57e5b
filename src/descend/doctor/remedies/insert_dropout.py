"""Insert dropout after the hidden layers (Srivastava et al. 2014).

The patch edits the model if its source is a `Sequential` of layers. Otherwise it adds forward hooks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import libcst as cst

from descend.doctor.codemod.activations import construct_module
from descend.doctor.codemod.arguments import literal_expression
from descend.doctor.codemod.hidden_layers import find_layers, insert_after_hidden_layers
from descend.doctor.codemod.imports import import_torch_if_called
from descend.doctor.codemod.locate import Place
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.record import Record
from descend.doctor.remedies.reinitialise import code_for_models, insert_call_before_optimizer
from descend.doctor.script.script import Script

HOOK = '''
def dropped(module, args, output):
    return torch.nn.functional.dropout(output, {p}, module.training)


def insert_dropout({models}):
    """Drop outputs of the hidden layers at random, in training mode (Srivastava et al. 2014)."""
    layers = [m for m in {all} if isinstance(m, (torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d))]
    for layer in layers[:-1]:
        layer.register_forward_hook(dropped)
'''


@dataclass(frozen=True)
class InsertDropoutArguments:
    """Arguments of the remedy `insert_dropout`, which drops outputs of hidden layers at random."""

    p: float
    optimizer: str = "0"  # index of the optimizer in the script, as a string: "0" for the first


def insert_dropout(script: Script, record: Record, arguments: InsertDropoutArguments) -> Script:
    """Insert dropout after each hidden layer, in the model's source or by forward hooks."""
    if (edited := if_applicable(_edit_model, script, record, arguments.p)) is not None:
        return edited
    call = f"insert_dropout({{}}, {arguments.p:g})"
    return insert_call_before_optimizer(script, record, arguments.optimizer, call, partial(_hook_code, arguments.p))


def _hook_code(p: float, place: Place, models: Sequence[str]) -> str:
    """Return the source code of the functions; "" for attention, whose layers are not called."""
    parameters, every = code_for_models(models)
    if "Attention" in place.syntax.module.code or "Transformer" in place.syntax.module.code:
        return ""
    return HOOK.format(models=parameters, all=every, p=f"{p:g}")


def _edit_model(script: Script, record: Record, p: float) -> Script:
    """Return the script with dropout modules in a model that is a `Sequential`."""
    layers = find_layers(script, record)
    if any(layer.holder is None for layer in layers.hidden):
        raise NotApplicable("descend.network inserts the dropout")
    text = insert_after_hidden_layers(
        layers,
        made=lambda layer: construct_module(layer.call, "Dropout", [cst.Arg(literal_expression(p))]),
        used=lambda layer, given: given,
    )
    return script.edit(layers.syntax.file, import_torch_if_called(layers.syntax, text))
