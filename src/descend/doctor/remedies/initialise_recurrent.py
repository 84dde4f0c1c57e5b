"""Recurrent layers started so that they keep what they have read.

The patch writes what starts them into the user's file; it is `descend.network.initialise_recurrent` where layers of
several kinds, or none of torch's, were seen, or where several processes have to draw the same.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from descend.doctor.record import Record, facts
from descend.doctor.remedies.reinitialise import all_modules, before_the_optimizer
from descend.doctor.script.script import Script
from descend.doctor.source.locate import Place
from descend.doctor.source.not_applicable import NotApplicable

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


def initialise_recurrent(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert `initialise_recurrent(model)` before the statement that makes the optimizer."""
    call = f"initialise_recurrent({{}}, length={dose['length']})"
    write = partial(_written, record, dose["length"])
    return before_the_optimizer(script, record, dose.get("optimizer", "0"), call, write)


def _written(record: Record, length: int, place: Place, models: Sequence[str]) -> str:
    """Return the code that starts layers of the kind that was seen; "" where there are several, or none."""
    seen = {layer.function.partition("_")[0] for layer in record.every(facts.Recurrent).values()}
    parameters, every = all_modules(models)
    if seen == {"rnn"}:
        return PLAIN.format(models=parameters, all=every)
    if seen not in ({"lstm"}, {"gru"}):
        return ""
    (kind,) = seen
    start, zero = LSTM if kind == "lstm" else GRU
    code = GATED.replace("{start}", start).replace("{zero}", zero)
    return code.format(models=parameters, all=every, length=length, last=length - 1, layer=kind.upper())
