"""Layers that a forward pass makes, made once in the constructor: only then does what they learn stay.

def forward(self, x):
    middle = nn.Linear(self.width, 10)      # self.middle = nn.Linear(self.width, 10), at the end of __init__
    return middle(x)                        # middle = self.middle
"""

from collections.abc import Sequence
from functools import partial
from itertools import count, takewhile
from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.bindings import Loop, bound_in
from descend.doctor.source.functions import functions_around, parameter_names
from descend.doctor.source.locate import Place
from descend.doctor.source.names import enclosing_class
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Change, Syntax, dotted, first_name, last_name
from descend.doctor.source.together import places_seen


def make_layers_once(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Move each layer that was seen to be made in a forward pass to the end of the constructor. It takes no dose."""
    files = places_seen(script, record, "made_in_forward", "the layers are made")
    if isinstance(files, NotApplicable):
        return files
    for places in files:
        syntax = places[0].syntax
        changes: dict[cst.CSTNode, Change] = {}
        made: dict[cst.FunctionDef, list[str]] = {}
        for place in places:
            if reason := _move(place, made, changes):
                return NotApplicable(reason)
        changes |= {init.body: partial(_longer, code=code) for init, code in made.items()}
        script = script.edit(syntax.file, syntax.rewrite(changes))
    return script


def _move(place: Place, made: dict[cst.FunctionDef, list[str]], changes: dict[cst.CSTNode, Change]) -> str:
    """Note the edits for one layer; return why it cannot be moved, or ""."""
    syntax, call = place.syntax, place.call
    line, function, owner = syntax.line(call), functions_around(syntax, call)[0], enclosing_class(syntax, call)
    init = _initialiser(syntax, owner)
    if owner is None or init is None:
        return f"line {line} is in no class with an `__init__`"
    between = takewhile(lambda outer: outer is not function, syntax.ancestors(call))
    if any(isinstance(outer, Loop | cst.BaseComp) for outer in between):
        return f"line {line} makes several layers, in a loop"
    own = parameter_names(function)[0]
    local = {*parameter_names(function)[1:], *bound_in(syntax, function)}
    for name in syntax.every(cst.Name, call):
        if name.value in local and first_name(name) is name and not _is_keyword(syntax, name):
            return f"line {line} needs `{name.value}`, which is known in the forward pass alone"
    moved = made.setdefault(init, [])
    attribute = _attribute(syntax, owner, call, [code.partition(".")[2] for code in moved])
    moved.append(f"{parameter_names(init)[0]}.{attribute} = {syntax.code(call)}")
    changes[call] = lambda now: dotted(f"{own}.{attribute}")
    return ""


def _is_keyword(syntax: Syntax, name: cst.Name) -> bool:
    holder = syntax.parents[name]
    return (isinstance(holder, cst.Arg) and holder.keyword is name) or (
        isinstance(holder, cst.Attribute) and holder.attr is name
    )


def _initialiser(syntax: Syntax, owner: cst.ClassDef | None) -> cst.FunctionDef | None:
    functions = syntax.every(cst.FunctionDef, owner) if owner is not None else []
    return next((f for f in functions if f.name.value == "__init__"), None)


def _attribute(syntax: Syntax, owner: cst.ClassDef, call: cst.Call, moved: Sequence[str]) -> str:
    """Return a free name for the layer: that of the variable which it is assigned to, or else of its class."""
    holder = syntax.parents[call]
    targets = [t.target for t in holder.targets] if isinstance(holder, cst.Assign) else []
    name = next((t.value for t in targets if isinstance(t, cst.Name)), last_name(call.func).lower())
    taken = {a.attr.value for a in syntax.every(cst.Attribute, owner)} | {code.split(" ")[0] for code in moved}
    return next(free for i in count(1) if (free := name if i == 1 else f"{name}_{i}") not in taken)


def _longer(body: cst.CSTNode, code: list[str]) -> cst.CSTNode:
    assert isinstance(body, cst.BaseSuite)
    return body.with_changes(body=[*body.body, *(cst.parse_statement(line) for line in code)])
