"""Recurrent layers started so that they keep what they have read.

A plain layer that the model's class makes is started there, in two lines; else the patch writes a function that starts
them into the user's file. It is `descend.network.initialise_recurrent` where layers of several kinds, or none of
torch's, were seen, or where several processes have to draw the same.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import libcst as cst

from descend.doctor.record import Record, facts
from descend.doctor.remedies.initialise_in_place import own_draws
from descend.doctor.remedies.reinitialise import all_modules, before_the_optimizer
from descend.doctor.script.script import Script
from descend.doctor.source.imports import with_torch
from descend.doctor.source.insert import insert_after
from descend.doctor.source.locate import Place, locate
from descend.doctor.source.model_class import model_classes
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.own_function import init_of
from descend.doctor.source.syntax import Syntax, last_name, parse

PLAIN = '''
def initialise_recurrent({models}):
    """Start recurrent layers with orthogonal weights: products of them neither shrink nor grow (Saxe et al. 2014)."""
    with torch.random.fork_rng():  # what is drawn later stays as it was
        for layer in [m for m in {all} if isinstance(m, torch.nn.RNN)]:
            for name, parameter in layer.named_parameters():
                if name.startswith("weight_hh"):
                    torch.nn.init.orthogonal_(parameter)
                elif name.startswith("bias"):
                    torch.nn.init.zeros_(parameter)
'''
GATED = '''
def initialise_recurrent({models}):
    """Start with memories that last for 1 to {length} steps (Tallec & Ollivier 2018, equation 16)."""
    with torch.random.fork_rng(), torch.no_grad():  # what is drawn later stays as it was
        for layer in [m for m in {all} if isinstance(m, torch.nn.{layer})]:
            for name, bias in layer.named_parameters():
                if name.startswith("bias_ih"):
                    memory = torch.empty(layer.hidden_size).uniform_(1, {last}).log()
                    {start}
                elif name.startswith("bias_hh"):
                    {zero}
'''
LSTM = (  # rows of a bias: input gate, forget gate, cell, output gate
    "bias[: 2 * layer.hidden_size] = torch.cat([-memory, memory])",
    "bias[: 2 * layer.hidden_size] = 0",
)
GRU = (  # reset gate, update gate, new
    "bias[layer.hidden_size : 2 * layer.hidden_size] = memory",
    "bias[layer.hidden_size : 2 * layer.hidden_size] = 0",
)


IN_CLASS = """\
with torch.random.fork_rng():  # what is drawn later stays as it was
    {init}.orthogonal_({layer}.weight_hh_l0)"""
SIZES = 2  # arguments by their place: of the inputs, and of the state
OF_ONE_DIRECTION = frozenset({"nonlinearity", "bias", "batch_first", "dropout"})  # keywords, and of one layer


def initialise_recurrent(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Start the layers where they are made, or by `initialise_recurrent(model)` before the optimizer is."""
    in_class = _in_class(script, record)
    if isinstance(in_class, Script):
        return in_class
    call = f"initialise_recurrent({{}}, length={dose['length']})"
    write = partial(_written, record, dose["length"])
    return before_the_optimizer(script, record, dose.get("optimizer", "0"), call, write)


def _in_class(script: Script, record: Record) -> Script | NotApplicable:
    """Draw an orthogonal matrix behind each plain layer, where the model's class makes it."""
    place = locate(script, record, "model")
    found = place if isinstance(place, NotApplicable) else model_classes(script, place)
    if isinstance(found, NotApplicable):
        return found
    syntax, classes = found
    made = [call for owner in classes for call in syntax.every(cst.Call, owner) if last_name(call.func) == "RNN"]
    layers = [layer for call in made if (layer := _attribute(syntax, call)) is not None]
    if _kinds_seen(record) != {"rnn"} or not made or len(layers) < len(made) or record.is_of_a_group:
        return NotApplicable("the class of the model does not make plain recurrent layers alone, each of one direction")
    if own_draws(syntax):
        return NotApplicable("the script draws weights itself, which may be these")
    home, text = init_of(syntax), script.read(syntax.file)
    for layer in layers:
        now = parse(syntax.file, text)
        if isinstance(now, NotApplicable):
            return now
        (assign,) = [one for one in now.every(cst.Assign) if now.code(one.targets[0].target) == layer]
        edited = insert_after(now, assign, IN_CLASS.format(init=home, layer=layer))
        edited = edited if isinstance(edited, NotApplicable) else with_torch(now, edited)
        if isinstance(edited, NotApplicable):
            return edited
        text = edited
    return script.edit(syntax.file, text)


def _attribute(syntax: Syntax, made: cst.Call) -> str | None:
    """Return what the class calls a layer that stands alone, of one direction: `self.rnn`."""
    assign = syntax.parents[made]
    name = syntax.code(assign.targets[0].target) if isinstance(assign, cst.Assign) else ""
    is_plain = len([a for a in made.args if a.keyword is None]) <= SIZES
    is_plain &= all(a.keyword is None or a.keyword.value in OF_ONE_DIRECTION for a in made.args)
    same = [one for one in syntax.every(cst.Assign) if syntax.code(one.targets[0].target) == name]
    return name if name.startswith("self.") and is_plain and len(same) == 1 else None


def _kinds_seen(record: Record) -> set[str]:
    return {layer.function.partition("_")[0] for layer in record.every(facts.Recurrent).values()}


def _written(record: Record, length: int, place: Place, models: Sequence[str]) -> str:
    """Return the code that starts layers of the kind that was seen; "" where there are several, or none."""
    seen, (parameters, every) = _kinds_seen(record), all_modules(models)
    if seen == {"rnn"}:
        return PLAIN.format(models=parameters, all=every)
    if seen not in ({"lstm"}, {"gru"}):
        return ""
    (kind,) = seen
    start, zero = LSTM if kind == "lstm" else GRU
    code = GATED.replace("{start}", start).replace("{zero}", zero)
    return code.format(models=parameters, all=every, length=length, last=length - 1, layer=kind.upper())
