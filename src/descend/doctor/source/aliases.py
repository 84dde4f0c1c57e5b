"""What a value is called elsewhere in its file: it is given to a function, kept by an object, returned.

def main():
    optimizer = SGD(...)             # optimizer, here
    Trainer(net, optimizer).fit()    # given: a parameter of Trainer.__init__, which keeps it as self.opt
                                     # so it is self.opt in every method of Trainer
"""

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from descend.doctor.source.bindings import bound_in, loops_around, path_in
from descend.doctor.source.functions import (
    calls_of,
    function_around,
    functions_around,
    given_arguments,
    parameter_names,
    returned,
)
from descend.doctor.source.names import enclosing_class
from descend.doctor.source.syntax import Syntax, last_name

WAYS = 64  # names tried; a value that is handed around more than that is not followed


@dataclass(frozen=True)
class Known:
    """A value has this name at this node."""

    name: str
    at: cst.CSTNode


def name_at(syntax: Syntax, made: cst.CSTNode, variable: str, at: cst.CSTNode) -> str | None:
    """Return what `at` calls the value that `made` makes and gives to `variable` (may be "")."""
    return next(iter(names_at(syntax, made, variable, at)), None)


def names_at(syntax: Syntax, made: cst.CSTNode, variable: str, at: cst.CSTNode) -> list[str]:
    """Return every name by which `at` can call the value, those of its own function before global ones."""
    first = Known(variable or syntax.code(made), made)
    waiting = [first]
    for known in waiting:
        if len(waiting) < WAYS:
            waiting += [other for other in _others(syntax, known) if other not in waiting]
    names = [known for known in waiting if known.name.replace(".", "").isidentifier()]
    visible = [k for k in names if _is_visible(syntax, k, at) and (k is first or not _is_later(syntax, k.at, at))]
    home = function_around(syntax, at)
    own = [known for known in visible if function_around(syntax, known.at) is home]
    return list(dict.fromkeys(known.name for known in [*own, *visible]))


def _is_visible(syntax: Syntax, known: Known, at: cst.CSTNode) -> bool:
    root = known.name.split(".")[0]
    if root == "self":
        owner = enclosing_class(syntax, known.at)
        return owner is not None and owner is enclosing_class(syntax, at)
    home, around = function_around(syntax, known.at), functions_around(syntax, at)
    if home is not None and home not in around:
        return False
    inner = around[: around.index(home)] if home is not None else around
    return not any(root in {*parameter_names(function), *bound_in(syntax, function)} for function in inner)


def _is_later(syntax: Syntax, known: cst.CSTNode, at: cst.CSTNode) -> bool:
    """Return whether a name is given after `at` in the same function, with no loop that leads back."""
    if function_around(syntax, known) is not function_around(syntax, at):
        return False
    return syntax.line(known) > syntax.line(at) and not loops_around(syntax, at)


def _others(syntax: Syntax, known: Known) -> Iterator[Known]:
    """Yield the names that the value gets from the statements in which it is known by this one."""
    for function in syntax.every(cst.FunctionDef):
        for call in calls_of(syntax, function):
            for parameter, value in given_arguments(function, call).items():
                if syntax.code(value) == known.name and parameter != "self" and _is_visible(syntax, known, call):
                    yield Known(parameter, function.body)
    for assign in syntax.every(cst.Assign):
        if syntax.code(assign.value) == known.name and _is_visible(syntax, known, assign):
            yield from (Known(syntax.code(target.target), assign) for target in assign.targets)
    yield from _of_object(syntax, known)
    if (home := function_around(syntax, known.at)) is not None:
        yield from _returned(syntax, known, home)


def _of_object(syntax: Syntax, known: Known) -> Iterator[Known]:
    """Yield `trainer.opt` for the `self.opt` of the class of which `trainer` is made."""
    owner = enclosing_class(syntax, known.at)
    if owner is None or not known.name.startswith("self."):
        return
    for assign in syntax.every(cst.Assign):
        if isinstance(assign.value, cst.Call) and last_name(assign.value.func) == owner.name.value:
            for target in assign.targets:
                yield Known(syntax.code(target.target) + known.name.removeprefix("self"), assign)


def _returned(syntax: Syntax, known: Known, function: cst.FunctionDef) -> Iterator[Known]:
    paths = {path_in(syntax, value, known.name) for value in returned(syntax, function)} - {None}
    for call in calls_of(syntax, function):
        assign = syntax.parents[call]
        for target in (t.target for t in assign.targets) if isinstance(assign, cst.Assign) else ():
            for part in syntax.every(cst.Name, target) + syntax.every(cst.Attribute, target):
                if path_in(syntax, target, syntax.code(part)) in paths:
                    yield Known(syntax.code(part), assign)
