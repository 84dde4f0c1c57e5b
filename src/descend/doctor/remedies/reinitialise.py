"""Weights drawn anew before the optimizer sees them, at the scale that suits the activation.

He et al. 2015 (eq. 10) for rectifiers, Glorot & Bengio 2010 (eq. 16) for saturating functions. The patch writes what
draws them into the user's file; where several processes have to draw the same ones it is
`descend.network.reinitialise`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from textwrap import indent
from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.feed import where_given
from descend.doctor.source.imports import import_name
from descend.doctor.source.insert import insert_before
from descend.doctor.source.locate import Place, locate
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.own_function import entry, with_function
from descend.doctor.source.owners import owners
from descend.doctor.source.syntax import last_name

RECTIFIERS = frozenset("relu relu6 prelu elu celu gelu silu mish hardswish".split())
KINDS = ("Linear", "Conv1d", "Conv2d", "Conv3d")
HE, GLOROT = "rectifiers (He et al. 2015, eq. 10)", "the activation (Glorot & Bengio 2010, eq. 16)"
CODE = '''
def initialise({models}):
    """Draw weights with which signals keep their size through {what}."""
    with torch.random.fork_rng():  # what is drawn later stays as it was
{body}
'''
BODY = """\
{layers}
        for layer in layers:
{draw}
            if layer.bias is not None:
                torch.nn.init.zeros_(layer.bias)"""
LAST = "layer is layers[-1]"
RECTIFIED = f"""\
            kind = "linear" if {LAST} else "{{kind}}"  # no activation behind the last
            torch.nn.init.kaiming_normal_(layer.weight, nonlinearity=kind)"""
SATURATING = f"""\
            gain = 1.0 if {LAST} else 5 / 3  # that of tanh; no activation behind the last
            torch.nn.init.xavier_uniform_(layer.weight, gain)"""
BALANCED = "            torch.nn.init.xavier_uniform_(layer.weight)"
TABLES = """
        tables = [m for m in model.modules() if isinstance(m, torch.nn.Embedding)]
        layers = [m for m in layers if all(m.weight is not table.weight for table in tables)]
        for table in tables:
            if (table.weight == table.weight[:, :1]).all():  # its features are all alike
                table.reset_parameters()"""


def reinitialise(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert `initialise(model)` before the statement that makes the optimizer."""
    call = f'reinitialise({{}}, activation="{dose["activation"]}")'
    return before_the_optimizer(script, record, dose.get("optimizer", "0"), call, partial(_written, dose))


def before_the_optimizer(
    script: Script, record: Record, key: str, call: str, write: Callable[[Place, Sequence[str]], str]
) -> Script | NotApplicable:
    """Insert a call on the optimizer's models before it is made, or where the function that makes it is called.

    write: returns code for those models that goes into the file of the place, of which the last function is called; or
    "", or where several processes train: `call`, a function of `descend.network` with `{}` for a model, stands there.
    """
    place = locate(script, record, "optimizer", key)
    if isinstance(place, NotApplicable):
        return place
    syntax, models = place.syntax, owners(place) or _model_at_site(record, key)
    if not models:
        return NotApplicable(f"the optimizer in line {syntax.line(place.call)} does not say whose parameters it gets")
    code = "" if record.is_of_a_group else write(place, models)  # there all have to draw the same
    at, models = where_given(syntax, place.call, models)
    calls = [f"{entry(code)}({', '.join(models)})"] if code else [call.format(model) for model in models]
    text = insert_before(syntax, at, *calls)
    if isinstance(text, str) and code:
        text = with_function(syntax.file, text, code)
    elif isinstance(text, str):
        text = import_name(syntax.file, text, "descend.network", call.partition("(")[0])
    return text if isinstance(text, NotApplicable) else script.edit(syntax.file, text)


def all_modules(models: Sequence[str]) -> tuple[str, str]:
    """Return the parameters of a function of so many models, and the expression for all of their modules."""
    if len(models) == 1:
        return "model", "model.modules()"
    return "*models", "[module for model in models for module in model.modules()]"


def _written(dose: dict[str, Any], place: Place, models: Sequence[str]) -> str:
    """Return the code that draws for an activation; "" where it is none of those whose gain is known."""
    activation, (parameters, _) = dose["activation"], all_modules(models)
    draws = {"tanh": SATURATING, **dict.fromkeys(("sigmoid", "softsign", "linear"), BALANCED)}
    draws |= dict.fromkeys(RECTIFIERS, RECTIFIED.format(kind="relu"))
    draws |= {"leaky_relu": RECTIFIED.format(kind="leaky_relu")}
    if activation not in draws:
        return ""
    what = HE if "kaiming" in draws[activation] else GLOROT
    body = BODY.format(layers=_layers(place), draw=draws[activation])
    if len(models) > 1:
        body = "        for model in models:\n" + indent(body, "    ")
    return CODE.format(models=parameters, what=what, body=body)


def _layers(place: Place) -> str:
    """Return the lines that find the layers, of the kinds that the file names where it makes networks."""
    names = {last_name(call.func) for call in place.syntax.every(cst.Call)}
    makes_networks = "Sequential" in names or bool(place.syntax.every(cst.ClassDef))
    known = [kind for kind in KINDS if kind in names] if makes_networks else []
    kinds = [f"torch.nn.{kind}" for kind in known or KINDS[:-1]]
    chosen = kinds[0] if len(kinds) == 1 else f"({', '.join(kinds)})"
    has_tables = any(name.startswith("Embedding") for name in names)
    found = f"        layers = [m for m in model.modules() if isinstance(m, {chosen})]"
    return found + (TABLES if has_tables else "")


def _model_at_site(record: Record, key: str) -> list[str]:
    model, optimizer = record.site("model"), record.site("optimizer", key)
    if model is None or optimizer is None or not model.variable:
        return []
    is_near = (model.file, model.function) == (optimizer.file, optimizer.function)
    return [model.variable] if is_near and model.line <= optimizer.line else []
