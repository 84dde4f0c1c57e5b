"""Weights drawn anew before the optimizer sees them, at the scale that suits the activation.

He et al. 2015 (eq. 10) for rectifiers, Glorot & Bengio 2010 (eq. 16) for saturating functions; for another start as
torch itself does. The patch writes what draws them into the user's file; where several processes have to draw the same
ones it is `descend.network.reinitialise`.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import libcst as cst

from descend.record import Record
from descend.script import Script
from descend.source.imports import import_name
from descend.source.insert import insert_before
from descend.source.locate import Place, locate
from descend.source.not_applicable import NotApplicable
from descend.source.own_function import entry, with_function
from descend.source.owners import owners
from descend.source.syntax import last_name

RECTIFIERS = frozenset("relu relu6 prelu elu celu gelu silu mish hardswish".split())
KAIMING = "torch.nn.init.kaiming_normal_({}.weight, nonlinearity={})"
XAVIER = "torch.nn.init.xavier_uniform_({}.weight{})"
HE, GLOROT = "rectifiers (He et al. 2015, equation 10)", "the activation (Glorot & Bengio 2010, equation 16)"
CODE = '''
def initialise(*models):
    """Draw the weights at the scale at which signals keep their size through {what}."""
    with torch.random.fork_rng():  # what is drawn later stays as it was
        for model in models:
            layers = [m for m in model.modules() if isinstance(m, (torch.nn.Linear, torch.nn.Conv1d, torch.nn.Conv2d))]
{tables}            for layer in layers:
                {hidden}
                if layer.bias is not None:
                    torch.nn.init.zeros_(layer.bias)
            {output}  # no activation behind it
'''
TABLES = """\
            tables = [m for m in model.modules() if isinstance(m, torch.nn.Embedding)]
            layers = [m for m in layers if all(m.weight is not table.weight for table in tables)]
            for table in tables:
                if (table.weight == table.weight[:, :1]).all():  # its features are all alike
                    table.reset_parameters()
"""
ANOTHER_START = '''
def start_anew(*models):
    """Draw all weights once more: from another start training may end in another minimum."""
    with torch.random.fork_rng():  # what is drawn later stays as it was
        torch.manual_seed({draw})
        for module in [module for model in models for module in model.modules()]:
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
'''


def reinitialise(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert `initialise(model)`, or `start_anew(model)`, before the statement that makes the optimizer."""
    draw = f", draw={dose['draw']}" if "draw" in dose else ""
    call = f'reinitialise({{}}, activation="{dose["activation"]}"{draw})'
    return before_the_optimizer(script, record, dose.get("optimizer", "0"), call, partial(_written, dose))


def before_the_optimizer(
    script: Script, record: Record, key: str, call: str, write: Callable[[Place], str]
) -> Script | NotApplicable:
    """Insert a call on the optimizer's models before it is made.

    write: returns code that goes into the file of the place, of which the last function is called; or "", or where
    several processes train: `call`, a function of `descend.network` with `{}` for a model, then stands there.
    """
    place = locate(script, record, "optimizer", key)
    if isinstance(place, NotApplicable):
        return place
    models = owners(place) or _model_at_site(record, key)
    if not models:
        line = place.syntax.line(place.call)
        return NotApplicable(f"the optimizer in line {line} does not say whose parameters it gets")
    code = "" if record.is_of_a_group else write(place)  # there all have to draw the same
    calls = [f"{entry(code)}({', '.join(models)})"] if code else [call.format(model) for model in models]
    text = insert_before(place.syntax, place.call, *calls)
    if isinstance(text, str) and code:
        text = with_function(place.syntax.file, text, code)
    elif isinstance(text, str):
        text = import_name(place.syntax.file, text, "descend.network", call.partition("(")[0])
    return text if isinstance(text, NotApplicable) else script.edit(place.syntax.file, text)


def _written(dose: dict[str, Any], place: Place) -> str:
    """Return the code that draws for an activation; "" where it is none of those whose gain is known."""
    activation = dose["activation"]
    if activation == "default":
        return ANOTHER_START.format(draw=dose.get("draw", 1))
    has_tables = any(last_name(call.func).startswith("Embedding") for call in place.syntax.every(cst.Call))
    tables = TABLES if has_tables else ""
    if activation in RECTIFIERS or activation == "leaky_relu":
        kind = '"leaky_relu", a=0.01' if activation == "leaky_relu" else '"relu"'
        hidden, output = KAIMING.format("layer", kind), KAIMING.format("layers[-1]", '"linear"')
        return CODE.format(what=HE, hidden=hidden, output=output, tables=tables)
    if activation not in ("tanh", "sigmoid", "softsign", "linear"):
        return ""
    gain = ', gain=torch.nn.init.calculate_gain("tanh")' if activation == "tanh" else ""
    hidden, output = XAVIER.format("layer", gain), XAVIER.format("layers[-1]", "")
    return CODE.format(what=GLOROT, hidden=hidden, output=output, tables=tables)


def _model_at_site(record: Record, key: str) -> list[str]:
    model, optimizer = record.site("model"), record.site("optimizer", key)
    if model is None or optimizer is None or not model.variable:
        return []
    is_near = (model.file, model.function) == (optimizer.file, optimizer.function)
    return [model.variable] if is_near and model.line <= optimizer.line else []
