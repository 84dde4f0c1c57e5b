"""Find all names that one value, such as the optimizer, has in a file as it is passed, stored or returned.

def main():
    optimizer = SGD(...)             # here the name is `optimizer`
    Trainer(net, optimizer).fit()    # Trainer.__init__ stores its parameter as self.opt,
                                     # so the name is self.opt in every method of Trainer
"""

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.bindings import loops_around, names_bound_in, unpacking_path
from descend.doctor.codemod.functions import (
    bind_arguments,
    calls_to,
    function_around,
    functions_around,
    parameter_names,
    returned_values,
)
from descend.doctor.codemod.names import enclosing_class
from descend.doctor.codemod.syntax import Syntax, last_name

MAX_ALIASES = 64  # largest number of names that are collected for one value


@dataclass(frozen=True)
class Alias:
    """One of the names of a value, and the node of the source after which the value has this name."""

    name: str
    at: cst.CSTNode


def name_at(syntax: Syntax, creation: cst.CSTNode, variable: str, at: cst.CSTNode) -> str | None:
    """Return a name that refers to the value that `creation` creates, for use at the node `at`; None without a name.

    The node `creation` creates the value and assigns it to `variable`, which may be "".
    """
    return next(iter(names_at(syntax, creation, variable, at)), None)


def names_at(syntax: Syntax, creation: cst.CSTNode, variable: str, at: cst.CSTNode) -> list[str]:
    """Return all names that refer to the created value, for use at the node `at`; local names come first."""
    first = Alias(variable or syntax.code(creation), creation)
    waiting = [first]
    for alias in waiting:
        if len(waiting) < MAX_ALIASES:
            waiting += [other for other in _next_aliases(syntax, alias) if other not in waiting]
    names = [alias for alias in waiting if alias.name.replace(".", "").isidentifier()]
    visible = [
        k for k in names if _is_readable(syntax, k, at) and (k is first or not _gets_name_later(syntax, k.at, at))
    ]
    home = function_around(syntax, at)
    own = [alias for alias in visible if function_around(syntax, alias.at) is home]
    return list(dict.fromkeys(alias.name for alias in [*own, *visible]))


def _is_readable(syntax: Syntax, alias: Alias, at: cst.CSTNode) -> bool:
    """Return whether a name of a value is in scope at the node `at`, so that code there can read the value."""
    root = alias.name.split(".")[0]
    if root == "self":
        owner = enclosing_class(syntax, alias.at)
        return owner is not None and owner is enclosing_class(syntax, at)
    home, around = function_around(syntax, alias.at), functions_around(syntax, at)
    if home is not None and home not in around:
        return False
    inner = around[: around.index(home)] if home is not None else around
    return not any(root in {*parameter_names(function), *names_bound_in(syntax, function)} for function in inner)


def _gets_name_later(syntax: Syntax, alias: cst.CSTNode, at: cst.CSTNode) -> bool:
    """Return whether the node `alias`, which names a value, runs after `at`: below it in a function, outside loops."""
    if function_around(syntax, alias) is not function_around(syntax, at):
        return False
    return syntax.line(alias) > syntax.line(at) and not loops_around(syntax, at)


def _next_aliases(syntax: Syntax, alias: Alias) -> Iterator[Alias]:
    """Yield the names that a value gets when code passes, assigns or returns it under a known name."""
    for function in syntax.every(cst.FunctionDef):
        for call in calls_to(syntax, function):
            for parameter, value in bind_arguments(function, call).items():
                if syntax.code(value) == alias.name and parameter != "self" and _is_readable(syntax, alias, call):
                    yield Alias(parameter, function.body)
    for assign in syntax.every(cst.Assign):
        if syntax.code(assign.value) == alias.name and _is_readable(syntax, alias, assign):
            yield from (Alias(syntax.code(target.target), assign) for target in assign.targets)
    yield from _object_aliases(syntax, alias)
    if (home := function_around(syntax, alias.at)) is not None:
        yield from _returned_aliases(syntax, alias, home)


def _object_aliases(syntax: Syntax, alias: Alias) -> Iterator[Alias]:
    """Yield an attribute's names outside its class: ``trainer.opt`` for ``self.opt`` after ``trainer = Trainer()``."""
    owner = enclosing_class(syntax, alias.at)
    if owner is None or not alias.name.startswith("self."):
        return
    for assign in syntax.every(cst.Assign):
        if isinstance(assign.value, cst.Call) and last_name(assign.value.func) == owner.name.value:
            for target in assign.targets:
                yield Alias(syntax.code(target.target) + alias.name.removeprefix("self"), assign)


def _returned_aliases(syntax: Syntax, alias: Alias, function: cst.FunctionDef) -> Iterator[Alias]:
    """Yield the names to which callers of a function assign a value that the function returns."""
    paths = {unpacking_path(syntax, value, alias.name) for value in returned_values(syntax, function)} - {None}
    for call in calls_to(syntax, function):
        assign = syntax.parents[call]
        for target in (t.target for t in assign.targets) if isinstance(assign, cst.Assign) else ():
            for part in syntax.every(cst.Name, target) + syntax.every(cst.Attribute, target):
                if unpacking_path(syntax, target, syntax.code(part)) in paths:
                    yield Alias(syntax.code(part), assign)
