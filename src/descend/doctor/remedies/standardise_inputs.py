"""Inputs brought to mean 0 and standard deviation 1 as the model gets them (LeCun et al. 1998, section 4.3).

The patch writes what does it into the user's file: the statistics of the training data as buffers of the model, which
are saved with it and serve its evaluation, too. The model's own `forward` uses them where the text shows that all of
it is theirs; else a hook does. Where the data are not seen to be rows or batches of them, it is
`descend.network.standardise_inputs`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import libcst as cst

from descend.doctor.record import Record, facts
from descend.doctor.record.facts import Remade
from descend.doctor.script.script import Script
from descend.doctor.source.feed import Feed, find_feed, fit_place, insert_fit, model_called
from descend.doctor.source.flow import Source
from descend.doctor.source.in_forward import first_input_becomes, registered, with_buffers
from descend.doctor.source.locate import Place
from descend.doctor.source.names import free_name
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax, last_name
from descend.doctor.source.training_call import training_call
from descend.doctor.source.whole_data import moved_to_model, read_here, read_whole

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
    '    inputs = inputs.where(inputs.isfinite(), float("nan"))  # what is no number is left out, and read as the mean'
)
CONSTANT = "    model.input_std[model.input_std == 0] = 1  # features that never change\n"
WRAPPERS = {"compile", "DataParallel", "DistributedDataParallel"}
OVER = {2: "0", 3: "(0, 1)", 4: "(0, 2, 3), keepdim=True"}  # by the dimensions of a batch

REMAKES: frozenset[Remade] = frozenset({"inputs"})


def standardise_inputs(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Scale in the model's `forward`, or insert `standardise_inputs(model, data)`, before the training. No dose."""
    fed = _fed(script, record)
    if isinstance(fed, NotApplicable):
        return fed
    by_itself = _in_forward(script, record, *fed)
    return by_itself if isinstance(by_itself, Script) else fit_inputs(script, record, "standardise_inputs", _written)


def fit_inputs(
    script: Script, record: Record, name: str, write: Callable[[Record, Place, Source], str] | None = None
) -> Script | NotApplicable:
    """Insert `name(model, data)` before the outermost training loop.

    write: returns the code of that function for the call of the model and its data, or ""; see `insert_fit`.
    """
    fed = _fed(script, record)
    if isinstance(fed, NotApplicable):
        return fed
    feed, place = fed
    return insert_fit(script, place.syntax, feed, name, partial(write, record, place) if write else None)


def _fed(script: Script, record: Record) -> tuple[Feed, Place] | NotApplicable:
    """Return how the model is fed its inputs, and where it is called."""
    place = training_call(script, record)
    if isinstance(place, NotApplicable):
        return place
    syntax, call = place.syntax, place.call
    model = model_called(place)
    if isinstance(model, NotApplicable):
        return model
    if not call.args or call.args[0].keyword is not None or call.args[0].star:
        return NotApplicable(f"line {syntax.line(call)} gives the model no inputs by their place")
    return find_feed(syntax, model, call.args[0].value, call), place


def _in_forward(script: Script, record: Record, feed: Feed, place: Place) -> Script | NotApplicable:
    syntax, known = place.syntax, record.fact(facts.Inputs)
    carried = fit_place(syntax, feed)
    if isinstance(carried, NotApplicable):
        return carried
    source, over = carried.source, mean_over(known, carried.source) if known is not None else None
    if known is None or over is None or not known.finite or is_wrapped(record, syntax):
        return NotApplicable("the inputs are not seen to be rows or images of finite numbers")
    inputs, constant = free_name(syntax, "inputs"), "features" if _has_constant(known) else ""
    if not read_here(source, inputs, ""):
        return NotApplicable("the inputs are not read as a whole")

    def lines(data: str) -> list[str]:
        read = read_here(source, inputs, data) + (".flatten(1)" if source.reshaped and known.features > 1 else "")
        return [read, *registered(syntax, carried.model, "input", inputs, over, constant)]

    return with_buffers(script, record, syntax, carried, lines, first_input_becomes(IN_FORWARD))


def _has_constant(known: facts.Inputs) -> bool:
    return known.constant_features > 0 and known.features > 1


def _written(record: Record, place: Place, source: Source) -> str:
    """Return the code that standardises such data; "" where what is seen of them does not do."""
    known, read = record.fact(facts.Inputs), read_whole(source, "inputs")
    if known is None or read is None:
        return ""
    over = None if is_wrapped(record, place.syntax) else mean_over(known, source)
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
        to=moved_to_model(place.syntax.module.code),
        constant=CONSTANT if _has_constant(known) else "",
    )


def mean_over(known: facts.Inputs, source: Source) -> str | None:
    """Return over which dimensions of the data the mean of each feature is taken; None where that is not known."""
    dimensions = len(known.shape)
    if known.features == 1:
        return ""
    if source.reshaped and dimensions > 2:
        return None
    is_sequence_of_channels = dimensions == 3 and known.first_layer == "conv1d"
    return "(0, 2), keepdim=True" if is_sequence_of_channels else OVER.get(dimensions)


def is_wrapped(record: Record, syntax: Syntax) -> bool:
    """Whether the model may be one that torch has put around the script's, or is trained by several processes."""
    calls = {last_name(call.func) for call in syntax.every(cst.Call)}
    return bool(calls & WRAPPERS) or record.is_of_a_group
