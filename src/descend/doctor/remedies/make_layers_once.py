"""Make layers once in the constructor, not in each forward pass, where what they learn is lost.

def forward(self, x):
    middle = nn.Linear(self.width, 10)      # self.middle = nn.Linear(self.width, 10), at the end of __init__
    return middle(x)                        # middle = self.middle
"""

from collections.abc import Sequence
from functools import partial
from itertools import count, takewhile

import libcst as cst

from descend.doctor.codemod.all_sites import places_of_kind
from descend.doctor.codemod.bindings import Loop, names_bound_in
from descend.doctor.codemod.functions import functions_around, parameter_names
from descend.doctor.codemod.locate import Place
from descend.doctor.codemod.names import enclosing_class
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.syntax import Change, Syntax, dotted_name_expression, first_name, last_name
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedies.arguments import NoArguments
from descend.doctor.script.script import Script


def make_layers_once(script: Script, record: Record, arguments: NoArguments) -> Script:
    """Move the creation of each layer that the forward pass creates to the end of the model's constructor."""
    files = places_of_kind(script, record, SiteKind.MADE_IN_FORWARD, "the layers are made")
    for places in files:
        syntax = places[0].syntax
        changes: dict[cst.CSTNode, Change] = {}
        made: dict[cst.FunctionDef, list[str]] = {}
        for place in places:
            if reason := _move_layer(place, made, changes):
                raise NotApplicable(reason)
        changes |= {init.body: partial(_with_statements, code=code) for init, code in made.items()}
        script = script.edit(syntax.file, syntax.rewrite(changes))
    return script


def _move_layer(place: Place, made: dict[cst.FunctionDef, list[str]], changes: dict[cst.CSTNode, Change]) -> str:
    """Record in `made` and `changes` the edits that move the creation of a layer to the constructor.

    Return the reason if it cannot be moved, otherwise "".
    """
    syntax, call = place.syntax, place.call
    line, function, owner = syntax.line(call), functions_around(syntax, call)[0], enclosing_class(syntax, call)
    init = _find_init(syntax, owner)
    if owner is None or init is None:
        return f"line {line} is not inside a class with an `__init__`"
    between = takewhile(lambda outer: outer is not function, syntax.ancestors(call))
    if any(isinstance(outer, Loop | cst.BaseComp) for outer in between):
        return f"line {line} creates several layers in a loop"
    own = parameter_names(function)[0]
    local = {*parameter_names(function)[1:], *names_bound_in(syntax, function)}
    for name in syntax.every(cst.Name, call):
        if name.value in local and first_name(name) is name and not _is_keyword_or_attribute(syntax, name):
            return f"line {line} uses `{name.value}`, which exists only in the forward pass"
    moved = made.setdefault(init, [])
    attribute = _unused_attribute_name(syntax, owner, call, [code.partition(".")[2] for code in moved])
    moved.append(f"{parameter_names(init)[0]}.{attribute} = {syntax.code(call)}")
    changes[call] = lambda now: dotted_name_expression(f"{own}.{attribute}")
    return ""


def _is_keyword_or_attribute(syntax: Syntax, name: cst.Name) -> bool:
    """Return whether a name in a call is not a variable, but a keyword or an attribute."""
    holder = syntax.parents[name]
    return (isinstance(holder, cst.Arg) and holder.keyword is name) or (
        isinstance(holder, cst.Attribute) and holder.attr is name
    )


def _find_init(syntax: Syntax, owner: cst.ClassDef | None) -> cst.FunctionDef | None:
    """Return the method `__init__` that a class defines; None if it defines none."""
    functions = syntax.every(cst.FunctionDef, owner) if owner is not None else []
    return next((f for f in functions if f.name.value == "__init__"), None)


def _unused_attribute_name(syntax: Syntax, owner: cst.ClassDef, call: cst.Call, moved: Sequence[str]) -> str:
    """Return an unused attribute name for the layer, made from its variable or its class, such as "linear"."""
    holder = syntax.parents[call]
    targets = [t.target for t in holder.targets] if isinstance(holder, cst.Assign) else []
    name = next((t.value for t in targets if isinstance(t, cst.Name)), last_name(call.func).lower())
    taken = {a.attr.value for a in syntax.every(cst.Attribute, owner)} | {code.split(" ")[0] for code in moved}
    return next(free for i in count(1) if (free := name if i == 1 else f"{name}_{i}") not in taken)


def _with_statements(body: cst.CSTNode, code: list[str]) -> cst.CSTNode:
    """Return a function's body with statements appended. `code` holds the source of each statement."""
    assert isinstance(body, cst.BaseSuite)
    return body.with_changes(body=[*body.body, *(cst.parse_statement(line) for line in code)])
