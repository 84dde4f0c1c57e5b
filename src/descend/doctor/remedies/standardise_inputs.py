"""Inputs brought to mean 0 and standard deviation 1 as the model gets them (LeCun et al. 1998, section 4.3).

The patch writes what does it into the user's file: the statistics of the training data as buffers of the model, which
are saved with it and serve its evaluation, too. Where the data are not seen to be rows or batches of them, it is
`descend.network.standardise_inputs`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import libcst as cst

from descend.doctor.record import Record, facts
from descend.doctor.script.script import Script
from descend.doctor.source.feed import find_feed, insert_fit, model_called
from descend.doctor.source.flow import Source
from descend.doctor.source.locate import Place
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax, last_name
from descend.doctor.source.training_call import training_call
from descend.doctor.source.whole_data import moved_to_model, read_whole

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
FINITE = (
    '    inputs = inputs.where(inputs.isfinite(), float("nan"))  # what is no number is left out, and read as the mean'
)
CONSTANT = "    model.input_std[model.input_std == 0] = 1  # features that never change\n"
WRAPPERS = {"compile", "DataParallel", "DistributedDataParallel"}
OVER = {2: "0", 3: "(0, 1)", 4: "(0, 2, 3), keepdim=True"}  # by the dimensions of a batch


def standardise_inputs(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert `standardise_inputs(model, data)` before the outermost training loop. It takes no dose."""
    return fit_inputs(script, record, "standardise_inputs", _written)


def fit_inputs(
    script: Script, record: Record, name: str, write: Callable[[Record, Place, Source], str] | None = None
) -> Script | NotApplicable:
    """Insert `name(model, data)` before the outermost training loop.

    write: returns the code of that function for the call of the model and its data, or ""; see `insert_fit`.
    """
    place = training_call(script, record)
    if isinstance(place, NotApplicable):
        return place
    syntax, call = place.syntax, place.call
    model = model_called(place)
    if isinstance(model, NotApplicable):
        return model
    if not call.args or call.args[0].keyword is not None or call.args[0].star:
        return NotApplicable(f"line {syntax.line(call)} gives the model no inputs by their place")
    feed = find_feed(syntax, model, call.args[0].value, call)
    return insert_fit(script, syntax, feed, name, partial(write, record, place) if write else None)


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
        constant=CONSTANT if known.constant_features and known.features > 1 else "",
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
