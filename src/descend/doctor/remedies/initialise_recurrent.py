"""Initialise recurrent layers so that they keep information over a sequence.

A plain layer that the model's class makes is initialised there, in two lines. Otherwise the patch writes a function
into the user's file. For layers of several kinds, for layers that are not of torch, and for several processes, the
patch calls `descend.network.initialise_recurrent`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import libcst as cst

from descend.doctor.codemod.helper_function import init_module_name
from descend.doctor.codemod.imports import import_torch_if_called
from descend.doctor.codemod.insert import insert_after
from descend.doctor.codemod.locate import Place, locate
from descend.doctor.codemod.model_class import model_classes
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.codemod.syntax import Syntax, last_name, parse
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedies.initialise_in_place import find_initialisations
from descend.doctor.remedies.reinitialise import code_for_models, insert_call_before_optimizer
from descend.doctor.script.script import Script

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
LSTM = (  # In torch, the rows of an LSTM's bias are: input gate, forget gate, cell, output gate.
    "bias[: 2 * layer.hidden_size] = torch.cat([-memory, memory])",
    "bias[: 2 * layer.hidden_size] = 0",
)
GRU = (  # In torch, the rows of a GRU's bias are: reset gate, update gate, new state.
    "bias[layer.hidden_size : 2 * layer.hidden_size] = memory",
    "bias[layer.hidden_size : 2 * layer.hidden_size] = 0",
)


IN_CLASS = """\
with torch.random.fork_rng():  # what is drawn later stays as it was
    {init}.orthogonal_({layer}.weight_hh_l0)"""
SIZES = 2  # largest number of positional arguments of a plain layer: the sizes of its input and of its state
# keyword arguments that a recurrent layer with a single level and direction may have
OF_ONE_DIRECTION = frozenset({"nonlinearity", "bias", "batch_first", "dropout"})


@dataclass(frozen=True)
class InitialiseRecurrentArguments:
    """Arguments of the remedy `initialise_recurrent`, which initialises recurrent layers to remember long sequences."""

    length: int  # number of steps in a sequence
    optimizer: str = "0"  # index of the optimizer in the script, as a string: "0" for the first


def initialise_recurrent(script: Script, record: Record, arguments: InitialiseRecurrentArguments) -> Script:
    """Initialise the recurrent layers in the model's class, or in a function called before the optimizer is made."""
    if (in_class := if_applicable(_initialise_in_class, script, record)) is not None:
        return in_class
    call = f"initialise_recurrent({{}}, length={arguments.length})"
    write = partial(_initialisation_code, record, arguments.length)
    return insert_call_before_optimizer(script, record, arguments.optimizer, call, write)


def _initialise_in_class(script: Script, record: Record) -> Script:
    """Insert an orthogonal initialisation after each line of the model's class that makes an `nn.RNN`."""
    place = locate(script, record, SiteKind.MODEL)
    syntax, classes = model_classes(script, place)
    made = [call for owner in classes for call in syntax.every(cst.Call, owner) if last_name(call.func) == "RNN"]
    layers = [layer for call in made if (layer := _layer_attribute(syntax, call)) is not None]
    if _recorded_layer_kinds(record) != {"rnn"} or not made or len(layers) < len(made) or record.is_distributed:
        raise NotApplicable("some recurrent layers of the model's class are not plain one-directional nn.RNN layers")
    if find_initialisations(syntax):
        raise NotApplicable("the script initialises weights itself, perhaps those of the recurrent layers")
    home, text = init_module_name(syntax), script.read(syntax.file)
    for layer in layers:
        now = parse(syntax.file, text)
        (assign,) = [one for one in now.every(cst.Assign) if now.code(one.targets[0].target) == layer]
        text = import_torch_if_called(now, insert_after(now, assign, IN_CLASS.format(init=home, layer=layer)))
    return script.edit(syntax.file, text)


def _layer_attribute(syntax: Syntax, made: cst.Call) -> str | None:
    """Return the attribute, such as `self.rnn`, that holds a plain recurrent layer of one direction; else None."""
    assign = syntax.parents[made]
    name = syntax.code(assign.targets[0].target) if isinstance(assign, cst.Assign) else ""
    is_plain = len([a for a in made.args if a.keyword is None]) <= SIZES
    is_plain &= all(a.keyword is None or a.keyword.value in OF_ONE_DIRECTION for a in made.args)
    same = [one for one in syntax.every(cst.Assign) if syntax.code(one.targets[0].target) == name]
    return name if name.startswith("self.") and is_plain and len(same) == 1 else None


def _recorded_layer_kinds(record: Record) -> set[str]:
    """Return which kinds of recurrent layers the run used, of "rnn", "lstm" and "gru"."""
    return {layer.function.partition("_")[0] for layer in record.every(facts.Recurrent).values()}


def _initialisation_code(record: Record, length: int, place: Place, models: Sequence[str]) -> str:
    """Return a function's source code that initialises the recorded recurrent layers; "" unless all are of one kind."""
    seen, (parameters, every) = _recorded_layer_kinds(record), code_for_models(models)
    if seen == {"rnn"}:
        return PLAIN.format(models=parameters, all=every)
    if seen not in ({"lstm"}, {"gru"}):
        return ""
    (kind,) = seen
    start, zero = LSTM if kind == "lstm" else GRU
    code = GATED.replace("{start}", start).replace("{zero}", zero)
    return code.format(models=parameters, all=every, length=length, last=length - 1, layer=kind.upper())
