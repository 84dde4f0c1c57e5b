"""Initialise the weights again, with the scale for the activation, before the optimizer gets them.

He et al. 2015 (eq. 10) for rectifiers, Glorot & Bengio 2010 (eq. 16) for saturating functions. The patch writes a
function into the user's file. For several processes, which need equal weights, the patch calls
`descend.network.reinitialise`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from textwrap import indent

import libcst as cst

from descend.doctor.codemod.helper_function import add_function, entry_point_name
from descend.doctor.codemod.imports import import_name
from descend.doctor.codemod.insert import insert_before
from descend.doctor.codemod.locate import Place, locate
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.optimizer_modules import optimizer_modules
from descend.doctor.codemod.syntax import last_name
from descend.doctor.codemod.training_data import outermost_call_with
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedies.arguments import ActivationArguments
from descend.doctor.script.script import Script

RECTIFIERS = frozenset("relu relu6 prelu elu celu gelu silu mish hardswish".split())
KINDS = ("Linear", "Conv1d", "Conv2d", "Conv3d")
HE, GLOROT = "rectifiers (He et al. 2015, eq. 10)", "saturating activations (Glorot & Bengio 2010, eq. 16)"
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
            kind = "linear" if {LAST} else "{{kind}}"  # no activation after the last layer
            torch.nn.init.kaiming_normal_(layer.weight, nonlinearity=kind)"""
SATURATING = f"""\
            gain = 1.0 if {LAST} else 5 / 3  # the gain of tanh; no activation after the last layer
            torch.nn.init.xavier_uniform_(layer.weight, gain)"""
BALANCED = "            torch.nn.init.xavier_uniform_(layer.weight)"
TABLES = """
        tables = [m for m in model.modules() if isinstance(m, torch.nn.Embedding)]
        layers = [m for m in layers if all(m.weight is not table.weight for table in tables)]
        for table in tables:
            if (table.weight == table.weight[:, :1]).all():  # its features are all alike
                table.reset_parameters()"""


def reinitialise(script: Script, record: Record, arguments: ActivationArguments) -> Script:
    """Insert a call `initialise(model)` before the optimizer is made, and define that function in the file."""
    call = f'reinitialise({{}}, activation="{arguments.activation}")'
    return insert_call_before_optimizer(
        script, record, arguments.optimizer, call, partial(_initialisation_code, arguments)
    )


def insert_call_before_optimizer(
    script: Script, record: Record, key: str, call: str, write: Callable[[Place, Sequence[str]], str]
) -> Script:
    """Insert a call with the optimizer's models as arguments above the statement that makes the optimizer.

    write: returns code for the user's file; the last function in the code is called. If the code is "" or several
    processes train, the patch inserts `call`, the call of a function of `descend.network` with `{}` for a model.
    """
    place = locate(script, record, SiteKind.OPTIMIZER, key)
    syntax, models = place.syntax, optimizer_modules(place) or _model_near_optimizer(record, key)
    if not models:
        raise NotApplicable(
            f"it is unclear in line {syntax.line(place.call)} which model's parameters the optimizer gets"
        )
    # Several processes need the same weights, so the edit calls a function of descend.network.
    code = "" if record.is_distributed else write(place, models)
    at, models = outermost_call_with(syntax, place.call, models)
    calls = [f"{entry_point_name(code)}({', '.join(models)})"] if code else [call.format(model) for model in models]
    text = insert_before(syntax, at, *calls)
    if code:
        text = add_function(syntax.file, text, code)
    else:
        text = import_name(syntax.file, text, "descend.network", call.partition("(")[0])
    return script.edit(syntax.file, text)


def code_for_models(models: Sequence[str]) -> tuple[str, str]:
    """Return source code for a function of these models: its parameter, and an expression for all their modules."""
    if len(models) == 1:
        return "model", "model.modules()"
    return "*models", "[module for model in models for module in model.modules()]"


def _initialisation_code(arguments: ActivationArguments, place: Place, models: Sequence[str]) -> str:
    """Return the source code of a function that initialises layers for an activation; "" if its gain is unknown."""
    activation, (parameters, _) = arguments.activation, code_for_models(models)
    draws = {"tanh": SATURATING, **dict.fromkeys(("sigmoid", "softsign", "linear"), BALANCED)}
    draws |= dict.fromkeys(RECTIFIERS, RECTIFIED.format(kind="relu"))
    draws |= {"leaky_relu": RECTIFIED.format(kind="leaky_relu")}
    if activation not in draws:
        return ""
    what = HE if "kaiming" in draws[activation] else GLOROT
    body = BODY.format(layers=_collecting_code(place), draw=draws[activation])
    if len(models) > 1:
        body = "        for model in models:\n" + indent(body, "    ")
    return CODE.format(models=parameters, what=what, body=body)


def _collecting_code(place: Place) -> str:
    """Return source code that collects the model's layers to initialise, such as all instances of `nn.Linear`."""
    names = {last_name(call.func) for call in place.syntax.every(cst.Call)}
    makes_networks = "Sequential" in names or bool(place.syntax.every(cst.ClassDef))
    known = [kind for kind in KINDS if kind in names] if makes_networks else []
    kinds = [f"torch.nn.{kind}" for kind in known or KINDS[:-1]]
    chosen = kinds[0] if len(kinds) == 1 else f"({', '.join(kinds)})"
    has_tables = any(name.startswith("Embedding") for name in names)
    found = f"        layers = [m for m in model.modules() if isinstance(m, {chosen})]"
    return found + (TABLES if has_tables else "")


def _model_near_optimizer(record: Record, key: str) -> list[str]:
    """Return the model's variable in a list, if the optimizer is made below the model in the same function; else []."""
    model, optimizer = record.site(SiteKind.MODEL), record.site(SiteKind.OPTIMIZER, key)
    if model is None or optimizer is None or not model.variable:
        return []
    is_near = (model.file, model.function) == (optimizer.file, optimizer.function)
    return [model.variable] if is_near and model.line <= optimizer.line else []
