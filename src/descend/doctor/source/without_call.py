"""A layer or a function taken away: what it was given goes on in its place.

A module becomes `nn.Identity()`, so that the names and numbers in a `state_dict` stay.
"""

import libcst as cst

from descend.doctor.source.activations import activated, constructor, is_constructor
from descend.doctor.source.give_way import give_way
from descend.doctor.source.imports import import_module
from descend.doctor.source.locate import Place
from descend.doctor.source.names import enclosing_class, is_call_of
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax


def without_call(place: Place) -> str | NotApplicable:
    """Return the file's text without the call of `place.site.detail`, a module's class or a function."""
    syntax, name = place.syntax, place.site.detail
    if not is_call_of(syntax, place.call, name):
        return NotApplicable(place.inside)
    if is_constructor(name):
        if len(uses := _uses(syntax, place.call)) > 1:  # hidden layers share it: the last use is the output's
            return give_way(syntax, uses[-1], uses[-1].args[0].value)
        new = constructor(place.call, "identity")
        text = syntax.replace(place.call, new)
        is_told = syntax.code(new) != "torch.nn.Identity()"
        return text if is_told else import_module(syntax.file, text, "torch")
    given = activated(syntax, place.call)
    if given is None:
        return NotApplicable(f"line {syntax.line(place.call)} does not show what {name} gets")
    return give_way(syntax, place.call, given)


def _uses(syntax: Syntax, made: cst.Call) -> list[cst.Call]:
    """Return the calls of a module in its class, where it is made as an attribute of that: `self.relu(x)`."""
    assign, owner = syntax.parents[made], enclosing_class(syntax, made)
    if not isinstance(assign, cst.Assign) or owner is None:
        return []
    name = syntax.code(assign.targets[0].target)
    return [call for call in syntax.every(cst.Call, owner) if syntax.code(call.func) == name and len(call.args) == 1]
