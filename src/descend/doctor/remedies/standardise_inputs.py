"""Standardise the inputs to mean 0 and standard deviation 1 inside the model (LeCun et al. 1998, section 4.3).

The statistics of the training data become buffers of the model, so that they are saved with the model and apply in
evaluation. The model's own `forward` uses the buffers if the source shows a single model with one `forward`. Otherwise
a hook does. For data that are not rows or batches of rows, the patch calls `descend.network.standardise_inputs`.
"""

from collections.abc import Callable
from functools import partial

import libcst as cst

from descend.doctor.codemod.data_source import DataSource
from descend.doctor.codemod.full_dataset import device_transfer, read_parameter, read_statement
from descend.doctor.codemod.locate import Place
from descend.doctor.codemod.model_buffers import add_buffers, buffer_statements, rewrite_input
from descend.doctor.codemod.names import free_name
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.codemod.training_call import training_call
from descend.doctor.codemod.training_data import (
    TrainingData,
    find_training_data,
    fit_location,
    hookable_model,
    insert_fit,
)
from descend.doctor.record import Record, facts
from descend.doctor.record.facts import Remade
from descend.doctor.remedies.arguments import NoArguments
from descend.doctor.script.script import Script

HOOK = '''
def standardised(module, args):
    return {scaled}{others}


def standardise_inputs(model, {data}):
    """Bring what `model` is given to mean 0 and standard deviation 1, by the statistics of the training data."""
{read}
    model.register_buffer("input_mean", {mean}{to})
    model.register_buffer("input_std", {std}{to})
{constant}    model.register_forward_pre_hook(standardised)
'''
SCALED = "(args[0] - module.input_mean) / module.input_std"
IN_FORWARD = "({} - self.input_mean) / self.input_std"
FINITE = (
    '    inputs = inputs.where(inputs.isfinite(), float("nan"))  # missing values are left out, and count as the mean'
)
CONSTANT = "    model.input_std[model.input_std == 0] = 1  # features that never change\n"
WRAPPERS = {"compile", "DataParallel", "DistributedDataParallel"}
# number of dimensions of a batch -> arguments of `mean` that average each feature
OVER = {2: "0", 3: "(0, 1)", 4: "(0, 2, 3), keepdim=True"}

REMAKES: frozenset[Remade] = frozenset({"inputs"})


def standardise_inputs(script: Script, record: Record, arguments: NoArguments) -> Script:
    """Standardise the input in the model's `forward`, or by a hook that a new function `standardise_inputs` adds."""
    by_itself = if_applicable(_scale_in_forward, script, record, *_training_inputs(script, record))
    return by_itself or insert_input_transformation(script, record, "standardise_inputs", _standardising_code)


def insert_input_transformation(
    script: Script, record: Record, name: str, write: Callable[[Record, Place, DataSource], str] | None = None
) -> Script:
    """Insert a call `name(model, data)` before the outermost training loop, and define that function in the file.

    write: returns the code of that function for the call of the model and its data, or ""; see `insert_fit`.
    """
    feed, place = _training_inputs(script, record)
    return insert_fit(script, place.syntax, feed, name, partial(write, record, place) if write else None)


def _training_inputs(script: Script, record: Record) -> tuple[TrainingData, Place]:
    """Return the data from which the training loop takes the model's inputs, and the call of the model."""
    place = training_call(script, record)
    syntax, call = place.syntax, place.call
    model = hookable_model(place)
    if not call.args or call.args[0].keyword is not None or call.args[0].star:
        raise NotApplicable(f"line {syntax.line(call)} passes no positional inputs to the model")
    return find_training_data(syntax, model, call.args[0].value, call), place


def _scale_in_forward(script: Script, record: Record, feed: TrainingData, place: Place) -> Script:
    """Return the script in which the model stores the inputs' statistics and standardises its input in `forward`."""
    syntax, known = place.syntax, record.fact(facts.Inputs)
    carried = fit_location(syntax, feed)
    source, over = carried.source, mean_arguments_code(known, carried.source) if known is not None else None
    if known is None or over is None or not known.finite or may_be_wrapped(record, syntax):
        raise NotApplicable("the record does not show that the inputs are rows or images of finite numbers")
    inputs, constant = free_name(syntax, "inputs"), "features" if _has_constant(known) else ""
    if not read_statement(source, inputs, ""):
        raise NotApplicable("the source has no expression that contains all inputs")

    def lines(data: str) -> list[str]:
        """Return the lines of source code that store the inputs' mean and standard deviation in the model."""
        read = read_statement(source, inputs, data) + (".flatten(1)" if source.reshaped and known.features > 1 else "")
        return [read, *buffer_statements(syntax, carried.model, "input", inputs, over, constant)]

    return add_buffers(script, record, syntax, carried, lines, rewrite_input(IN_FORWARD))


def _has_constant(known: facts.Inputs) -> bool:
    """Return whether the inputs have several features of which at least one is constant."""
    return known.constant_features > 0 and known.features > 1


def _standardising_code(record: Record, place: Place, source: DataSource) -> str:
    """Return the source code of a function that standardises the inputs; "" if the shape of the data is unknown."""
    known, read = record.fact(facts.Inputs), read_parameter(source, "inputs")
    if known is None or read is None:
        return ""
    over = None if may_be_wrapped(record, place.syntax) else mean_arguments_code(known, source)
    if over is None:
        return ""
    mean, lines = f"inputs.mean({over})", read.lines + (".flatten(1)" if source.reshaped and known.features > 1 else "")
    if not known.finite:
        mean, lines = f"inputs.nanmean({over})", f"{lines}\n{FINITE}"
    return HOOK.format(
        scaled=SCALED if known.finite else f"({SCALED}).nan_to_num(0, 0, 0)",
        mean=mean,
        std=f"inputs.std({over})" if known.finite else f"(inputs - {mean}).square().nanmean({over}).sqrt()",
        others="" if len(place.call.args) == 1 else ", *args[1:]",
        data=read.parameter,
        read=lines,
        to=device_transfer(place.syntax.module.code),
        constant=CONSTANT if _has_constant(known) else "",
    )


def mean_arguments_code(known: facts.Inputs, source: DataSource) -> str | None:
    """Return the arguments of `mean` that average each feature over the examples, such as "0"; None if unknown."""
    dimensions = len(known.shape)
    if known.features == 1:
        return ""
    if source.reshaped and dimensions > 2:
        return None
    is_sequence_of_channels = dimensions == 3 and known.first_layer == "conv1d"
    return "(0, 2), keepdim=True" if is_sequence_of_channels else OVER.get(dimensions)


def may_be_wrapped(record: Record, syntax: Syntax) -> bool:
    """Return whether the model may be wrapped, as by `torch.compile`, or is trained by several processes."""
    calls = {last_name(call.func) for call in syntax.every(cst.Call)}
    return bool(calls & WRAPPERS) or record.is_distributed
