"""Insert dropout after the hidden layers (Srivastava et al. 2014).

The patch edits the model if its source lists the layers one by one. Otherwise it calls a function of `descend.network`.
"""

from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.activations import construct_module
from descend.doctor.codemod.arguments import literal_expression
from descend.doctor.codemod.hidden_layers import find_layers, insert_after_hidden_layers
from descend.doctor.codemod.imports import import_torch_if_called
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.record import Record
from descend.doctor.remedies.reinitialise import insert_call_before_optimizer
from descend.doctor.script.script import Script


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
    return insert_call_before_optimizer(script, record, arguments.optimizer, call, lambda *_: "")


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
