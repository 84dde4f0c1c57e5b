"""Replace the script's own initialisation, such as `nn.init.normal_(layer.weight)`, by that of He or Glorot.

He et al. 2015 (eq. 10) for rectifiers, Glorot & Bengio 2010 (eq. 16) for saturating functions, orthogonal matrices for
recurrent weights (Saxe et al. 2014), zeros for biases. A loop that sets all parameters alike is removed, so that the
layers keep torch's initialisation.
"""

import re
from pathlib import Path
from typing import NamedTuple

import libcst as cst

from descend.doctor.codemod.arguments import PARAMETER_METHODS
from descend.doctor.codemod.bindings import loops_around
from descend.doctor.codemod.helper_function import init_module_name
from descend.doctor.codemod.imports import import_module
from descend.doctor.codemod.locate import is_user_file
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.codemod.remove import remove_statement
from descend.doctor.codemod.syntax import Syntax, last_name, parse
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedies.arguments import ActivationArguments
from descend.doctor.remedies.reinitialise import RECTIFIERS
from descend.doctor.script.script import Script

DRAWS = frozenset(
    "normal_ uniform_ trunc_normal_ zero_ zeros_ ones_ fill_ constant_ xavier_uniform_ xavier_normal_ "
    "kaiming_uniform_ kaiming_normal_ orthogonal_ sparse_ eye_ dirac_".split()
)
RECURRENT = re.compile(r"^(weight|bias)_(ih|hh)_l\d+$")


class Initialisation(NamedTuple):
    """A call that initialises a parameter, such as `nn.init.normal_(layer.weight)`, and that parameter."""

    call: cst.Call
    parameter: cst.BaseExpression


def initialise_in_place(script: Script, record: Record, arguments: ActivationArguments) -> Script:
    """Replace the script's own weight initialisation by He's or Glorot's, whichever fits the given activation."""
    sites = [site.file for site in record.every_site(SiteKind.MODEL)]
    files = dict.fromkeys([*(Path(file) for file in sites), script.path])
    edited = script
    for file in files:
        if is_user_file(script, file) and script.has_file(file):
            before = edited.read(file)
            text = if_applicable(_with_initialisation, file, before, arguments.activation)
            edited = edited.edit(file, text) if text is not None and text != before else edited
    if edited.edits == script.edits:
        raise NotApplicable("the script does not initialise weights itself, or already uses this initialisation")
    return edited


def _with_initialisation(file: Path, text: str, activation: str) -> str:
    """Return the source of a file with its initialisation replaced by the one that fits the activation."""
    syntax = parse(file, text)
    home = init_module_name(syntax)
    drawn = [(one, kind) for one in find_initialisations(syntax) if (kind := _parameter_kind(syntax, one.parameter))]
    new: dict[cst.CSTNode, cst.CSTNode] = {
        one.call: cst.parse_expression(_initialisation_code(syntax.code(one.parameter), kind, activation, home))
        for one, kind in drawn
    }
    text = syntax.replace_all(new)
    while (now := if_applicable(parse, file, text)) is not None:
        alike = [one for one in find_initialisations(now) if not _parameter_kind(now, one.parameter)]
        loops = [loop for one in alike if (loop := _initialising_loop(now, one.parameter)) is not None]
        if not loops:
            break
        text = remove_statement(now, loops[0])
    return import_module(file, text, "torch") if new and home.startswith("torch.") else text


def find_initialisations(syntax: Syntax) -> list[Initialisation]:
    """Return the script's calls that initialise a weight, a bias or, in a loop, every parameter of a model."""
    found = []
    for call in (s.value for s in syntax.every(cst.Expr) if isinstance(s.value, cst.Call)):
        parameter = _initialised_parameter(syntax, call) if last_name(call.func) in DRAWS else None
        if parameter is not None and (
            _parameter_kind(syntax, parameter) or _initialising_loop(syntax, parameter) is not None
        ):
            found.append(Initialisation(call, parameter))
    return found


def _initialised_parameter(syntax: Syntax, call: cst.Call) -> cst.BaseExpression | None:
    """Return the parameter that a call initialises: `w` of `nn.init.normal_(w)` and of `w.data.normal_()`."""
    owner = call.func.value if isinstance(call.func, cst.Attribute) else None
    if owner is None or syntax.is_module(owner):
        given = call.args[0].value if call.args and call.args[0].keyword is None else None
    else:
        given = owner
    return given.value if isinstance(given, cst.Attribute) and given.attr.value == "data" else given


def _parameter_kind(syntax: Syntax, parameter: cst.BaseExpression) -> str:
    """Return the kind of a parameter: "weight", "recurrent" or "bias"; "" for an embedding or an unknown kind.

    In a loop over all parameters a condition may show the kind: `if "weight" in name:`, `if p.dim() > 1:`.
    """
    if isinstance(parameter, cst.Attribute):
        name = RECURRENT.sub(_kind_of_recurrent_parameter, parameter.attr.value)
        return name if name in ("weight", "recurrent", "bias") and "emb" not in syntax.code(parameter).lower() else ""
    inner: cst.CSTNode = parameter
    for outer in syntax.ancestors(parameter) if _initialising_loop(syntax, parameter) is not None else ():
        if isinstance(outer, cst.If) and inner is outer.body:
            return _kind_in_condition(syntax.code(outer.test))
        if isinstance(outer, cst.Else) and isinstance(condition := syntax.parents[outer], cst.If):
            return "bias" if _kind_in_condition(syntax.code(condition.test)) == "weight" else ""
        inner = outer
    return ""


def _kind_of_recurrent_parameter(name: re.Match[str]) -> str:
    """Return the kind of a recurrent layer's parameter: "recurrent" for `weight_hh_l0`, "bias" for `bias_ih_l0`."""
    return "recurrent" if name.groups() == ("weight", "hh") else name[1]


def _kind_in_condition(test: str) -> str:
    """Return the kind of parameter that a condition such as `"weight" in name` selects: "weight", "bias" or ""."""
    if "not" in test.split():
        return ""
    return "bias" if "bias" in test else "weight" if "weight" in test or "dim() >" in test or "ndim >" in test else ""


def _initialising_loop(syntax: Syntax, parameter: cst.BaseExpression) -> cst.For | None:
    """Return the loop over a module's parameters that only initialises its variable `parameter`; else None."""
    loops = [loop for loop in loops_around(syntax, parameter) if isinstance(loop, cst.For)]
    own = [loop for loop in loops if _is_loop_variable(syntax, parameter, loop.target)]
    if not own or not PARAMETER_METHODS.intersection(
        last_name(call.func) for call in syntax.every(cst.Call, own[-1].iter)
    ):
        return None
    lines = syntax.every(cst.SimpleStatementLine, own[-1].body)
    calls = [line.body[0].value for line in lines if len(line.body) == 1 and isinstance(line.body[0], cst.Expr)]
    set_ = [call for call in calls if isinstance(call, cst.Call) and last_name(call.func) in DRAWS]
    return own[-1] if len(set_) == len(lines) else None


def _is_loop_variable(syntax: Syntax, variable: cst.BaseExpression, target: cst.BaseExpression) -> bool:
    """Return whether `variable` is a variable of the loop whose target is given, such as p in `for name, p in ...`."""
    return isinstance(variable, cst.Name) and variable.value in {n.value for n in syntax.every(cst.Name, target)}


def _initialisation_code(name: str, kind: str, activation: str, home: str) -> str:
    """Return source code that initialises the parameter `name`, suitably for its kind and the activation."""
    if kind == "bias":
        return f"{home}.zeros_({name})"
    if kind == "recurrent":
        return f"{home}.orthogonal_({name})"
    if activation in RECTIFIERS or activation == "leaky_relu":
        rectifier = "leaky_relu" if activation == "leaky_relu" else "relu"
        return f'{home}.kaiming_normal_({name}, nonlinearity="{rectifier}")'
    return f"{home}.xavier_uniform_({name})"
