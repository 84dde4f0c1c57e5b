"""Insert ReLUs after the hidden layers of a network without a nonlinearity.

The patch edits the model if its source lists the layers one by one. Otherwise it adds forward hooks.
"""

from collections.abc import Sequence

import libcst as cst

from descend.doctor.codemod.activations import construct_activation
from descend.doctor.codemod.hidden_layers import find_layers, insert_after_hidden_layers
from descend.doctor.codemod.imports import import_torch_if_called
from descend.doctor.codemod.locate import Place
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.codemod.syntax import dotted_name_expression
from descend.doctor.record import Record
from descend.doctor.remedies.arguments import OptimizerArguments
from descend.doctor.remedies.reinitialise import code_for_models, insert_call_before_optimizer
from descend.doctor.script.script import Script

HOOK = '''
def activated(module, args, output):
    return torch.relu(output)


def insert_activations({models}):
    """Apply a ReLU after each hidden layer: without nonlinearities, the model is a linear map."""
    layers = [m for m in {all} if isinstance(m, (torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d))]
    for layer in layers[:-1]:
        layer.register_forward_hook(activated)
'''


def insert_activations(script: Script, record: Record, arguments: OptimizerArguments) -> Script:
    """Insert a ReLU after each hidden layer, in the model's source or by forward hooks."""
    if (edited := if_applicable(_edit_model, script, record)) is not None:
        return edited
    return insert_call_before_optimizer(script, record, arguments.optimizer, "insert_activations({})", _hook_code)


def _hook_code(place: Place, models: Sequence[str]) -> str:
    """Return a function's source code that adds ReLUs by forward hooks; "" if the file uses normalisation layers."""
    parameters, every = code_for_models(models)
    # The function of descend.network is called, because it can tell which layers a normalisation follows.
    if "Norm" in place.syntax.module.code:
        return ""
    return HOOK.format(models=parameters, all=every)


def _edit_model(script: Script, record: Record) -> Script:
    """Return the script with ReLUs inserted into the source of the model."""
    layers = find_layers(script, record)
    if "Norm" in layers.text:
        raise NotApplicable("the model has normalisation layers")
    text = insert_after_hidden_layers(
        layers,
        made=lambda layer: construct_activation(layer.call, "relu"),
        used=lambda layer, given: cst.Call(dotted_name_expression("torch.relu"), [cst.Arg(given)]),
    )
    edited = import_torch_if_called(layers.syntax, text)
    return script.edit(layers.syntax.file, edited)
