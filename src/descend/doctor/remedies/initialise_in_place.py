"""The script's own initialisation written anew where it stands: `nn.init.normal_(layer.weight)` as He's or Glorot's.

He et al. 2015 (eq. 10) for rectifiers, Glorot & Bengio 2010 (eq. 16) for saturating functions, orthogonal matrices for
what a recurrent layer multiplies its state with (Saxe et al. 2014), zeros for biases. What sets all parameters alike is
left out: the layers then start as torch has made them.
"""

import re
from pathlib import Path
from typing import Any, NamedTuple

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.remedies.reinitialise import RECTIFIERS
from descend.doctor.script.script import Script
from descend.doctor.source.arguments import PARAMETERS
from descend.doctor.source.bindings import loops_around
from descend.doctor.source.imports import import_module
from descend.doctor.source.locate import is_users
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.own_function import init_of
from descend.doctor.source.remove import remove
from descend.doctor.source.syntax import Syntax, last_name, parse

DRAWS = frozenset(
    "normal_ uniform_ trunc_normal_ zero_ zeros_ ones_ fill_ constant_ xavier_uniform_ xavier_normal_ "
    "kaiming_uniform_ kaiming_normal_ orthogonal_ sparse_ eye_ dirac_".split()
)
RECURRENT = re.compile(r"^(weight|bias)_(ih|hh)_l\d+$")


class Drawn(NamedTuple):
    """A call that sets a parameter, and which."""

    call: cst.Call
    parameter: cst.BaseExpression


def initialise_in_place(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Draw the weights that the script draws itself by the variance that `dose["activation"]` asks for."""
    sites = [site.file for site in record.every_site("model")]
    files = dict.fromkeys([*(Path(file) for file in sites), script.path])
    edited = script
    for file in files:
        if is_users(script, file) and script.has(file):
            before = edited.read(file)
            text = _initialised(file, before, dose["activation"])
            edited = edited.edit(file, text) if isinstance(text, str) and text != before else edited
    if edited.edits == script.edits:
        return NotApplicable("the script draws no weights itself, or draws them so already")
    return edited


def _initialised(file: Path, text: str, activation: str) -> str | NotApplicable:
    syntax = parse(file, text)
    if isinstance(syntax, NotApplicable):
        return syntax
    home = init_of(syntax)
    drawn = [(one, kind) for one in own_draws(syntax) if (kind := _kind(syntax, one.parameter))]
    new: dict[cst.CSTNode, cst.CSTNode] = {
        one.call: cst.parse_expression(_anew(syntax.code(one.parameter), kind, activation, home)) for one, kind in drawn
    }
    text = syntax.replace_all(new)
    while isinstance(syntax := parse(file, text), Syntax):
        alike = [one for one in own_draws(syntax) if not _kind(syntax, one.parameter)]
        loops = [loop for one in alike if (loop := _of_each(syntax, one.parameter)) is not None]
        if not loops:
            break
        text = remove(syntax, loops[0])
    return import_module(file, text, "torch") if new and home.startswith("torch.") else text


def own_draws(syntax: Syntax) -> list[Drawn]:
    """Return the calls that set a layer's weight or bias, or each of a network's parameters in turn."""
    found = []
    for call in (s.value for s in syntax.every(cst.Expr) if isinstance(s.value, cst.Call)):
        parameter = _parameter(syntax, call) if last_name(call.func) in DRAWS else None
        if parameter is not None and (_kind(syntax, parameter) or _of_each(syntax, parameter) is not None):
            found.append(Drawn(call, parameter))
    return found


def _parameter(syntax: Syntax, call: cst.Call) -> cst.BaseExpression | None:
    """Return what is set: the first argument of a function of `torch.nn.init`, or the receiver of a method."""
    owner = call.func.value if isinstance(call.func, cst.Attribute) else None
    if owner is None or syntax.is_module(owner):
        given = call.args[0].value if call.args and call.args[0].keyword is None else None
    else:
        given = owner
    return given.value if isinstance(given, cst.Attribute) and given.attr.value == "data" else given


def _kind(syntax: Syntax, parameter: cst.BaseExpression) -> str:
    """Return whether it is a layer's `weight`, `recurrent` weight or `bias`; "" for an embedding's, or if not told.

    Of each of a network's parameters a condition may tell: `if "weight" in name:`, `if p.dim() > 1:`.
    """
    if isinstance(parameter, cst.Attribute):
        name = RECURRENT.sub(_of_a_recurrent_layer, parameter.attr.value)
        return name if name in ("weight", "recurrent", "bias") and "emb" not in syntax.code(parameter).lower() else ""
    inner: cst.CSTNode = parameter
    for outer in syntax.ancestors(parameter) if _of_each(syntax, parameter) is not None else ():
        if isinstance(outer, cst.If) and inner is outer.body:
            return _told(syntax.code(outer.test))
        if isinstance(outer, cst.Else) and isinstance(condition := syntax.parents[outer], cst.If):
            return "bias" if _told(syntax.code(condition.test)) == "weight" else ""
        inner = outer
    return ""


def _of_a_recurrent_layer(name: re.Match[str]) -> str:
    return "recurrent" if name.groups() == ("weight", "hh") else name[1]


def _told(test: str) -> str:
    if "not" in test.split():
        return ""
    return "bias" if "bias" in test else "weight" if "weight" in test or "dim() >" in test or "ndim >" in test else ""


def _of_each(syntax: Syntax, parameter: cst.BaseExpression) -> cst.For | None:
    """Return the loop over a module's parameters, of which it is the variable, where that does nothing but set them."""
    loops = [loop for loop in loops_around(syntax, parameter) if isinstance(loop, cst.For)]
    own = [loop for loop in loops if _is_named(syntax, parameter, loop.target)]
    if not own or not PARAMETERS.intersection(last_name(call.func) for call in syntax.every(cst.Call, own[-1].iter)):
        return None
    lines = syntax.every(cst.SimpleStatementLine, own[-1].body)
    calls = [line.body[0].value for line in lines if len(line.body) == 1 and isinstance(line.body[0], cst.Expr)]
    set_ = [call for call in calls if isinstance(call, cst.Call) and last_name(call.func) in DRAWS]
    return own[-1] if len(set_) == len(lines) else None


def _is_named(syntax: Syntax, variable: cst.BaseExpression, target: cst.BaseExpression) -> bool:
    return isinstance(variable, cst.Name) and variable.value in {n.value for n in syntax.every(cst.Name, target)}


def _anew(name: str, kind: str, activation: str, home: str) -> str:
    """Return the call that draws a layer's parameter of that name."""
    if kind == "bias":
        return f"{home}.zeros_({name})"
    if kind == "recurrent":
        return f"{home}.orthogonal_({name})"
    if activation in RECTIFIERS or activation == "leaky_relu":
        rectifier = "leaky_relu" if activation == "leaky_relu" else "relu"
        return f'{home}.kaiming_normal_({name}, nonlinearity="{rectifier}")'
    return f"{home}.xavier_uniform_({name})"
