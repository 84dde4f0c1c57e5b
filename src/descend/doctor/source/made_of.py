"""What a value is made of: through names, lists, and what functions and networks of the file return, and no further."""

from collections.abc import Callable, Iterator

import libcst as cst
from libcst import matchers as m

from descend.doctor.source.bindings import Binding, every_binding
from descend.doctor.source.functions import (
    called_functions,
    calls_of,
    function_around,
    given_arguments,
    home_of,
    parameter_names,
    returned,
)
from descend.doctor.source.syntax import Syntax

DEPTH = 12  # names and functions from the value
ADDING = m.Name("append") | m.Name("extend")
Part = tuple[cst.BaseExpression, int | None]  # a value, and which of those that it gives
Ends = Callable[[cst.CSTNode], bool]


def made_of(syntax: Syntax, value: cst.CSTNode, ends: Ends = lambda node: False) -> Iterator[cst.BaseExpression]:
    """Yield the expressions that a value is made of, itself first; ends: where it is followed no further."""
    return _made_of(syntax, value, ends, DEPTH, set())


def _made_of(
    syntax: Syntax,
    value: cst.CSTNode,
    ends: Ends,
    depth: int,
    seen: set[tuple[cst.CSTNode, int | None]],
    part: int | None = None,
) -> Iterator[cst.BaseExpression]:
    """Follow a value; part: which of several that a call returns."""
    if (value, part) in seen or not depth:
        return
    seen.add((value, part))
    for node in _within(value, ends):
        if isinstance(node, cst.BaseExpression):
            yield node
        if isinstance(node, cst.Name):
            for given, which in given_to(syntax, node):
                yield from _made_of(syntax, given, ends, depth - 1, seen, which)
        if isinstance(node, cst.Call):
            for function in called_functions(syntax, node):
                for outcome in returned(syntax, function, part if node is value else None):
                    yield from _made_of(syntax, outcome, ends, depth - 1, seen)


def _within(node: cst.CSTNode, ends: Ends) -> Iterator[cst.CSTNode]:
    if ends(node):
        return
    yield node
    for child in node.children:
        yield from _within(child, ends)


def is_list(syntax: Syntax, value: cst.CSTNode, part: int | None = None, depth: int = DEPTH) -> bool:
    """Whether a value is a list: written as one, or what holds or returns one."""
    if isinstance(value, cst.List | cst.ListComp) or not depth:
        return depth > 0
    given: list[Part] = []
    if isinstance(value, cst.Name):
        given = [_part(b) for b in _in_force(syntax, value) if b.kind == "assigned" and b.value is not None]
    if isinstance(value, cst.Call):
        given = [(r, None) for function in called_functions(syntax, value) for r in returned(syntax, function, part)]
    return any(is_list(syntax, expression, which, depth - 1) for expression, which in given)


def given_to(syntax: Syntax, name: cst.Name) -> list[Part]:
    """Return what a name is given in its own function, what is put into it, and what the calls of that pass on.

    With it which of several values it is, where one call gives them.
    """
    added = [(value, None) for value in (*_put_into(syntax, name), *_passed_to(syntax, name))]
    return [*(_part(bound) for bound in _in_force(syntax, name) if bound.value is not None), *added]


def _in_force(syntax: Syntax, name: cst.Name) -> list[Binding]:
    """Return what binds a name; of what comes before it is read the last alone where that is sure."""
    found, around = every_binding(syntax, name), set(syntax.ancestors(name))
    assigned = [bound for bound in found if bound.kind in ("assigned", "changed")]
    sure = [bound for bound in assigned if bound.kind == "assigned" and _is_before(syntax, bound.node, name, around)]
    if not sure:
        return found
    since, until = max(syntax.line(bound.node) for bound in sure), syntax.line(name)
    passed = [bound for bound in assigned if not since <= syntax.line(bound.node) < until]
    return [bound for bound in found if bound not in passed]


def _is_before(syntax: Syntax, assign: cst.CSTNode, name: cst.Name, around: set[cst.CSTNode]) -> bool:
    """Whether an assignment has been made whenever the name is read: above it, in its block or one around that."""
    block = syntax.parents[syntax.parents[assign]]
    return assign not in around and block in around and syntax.line(assign) < syntax.line(name)


def _part(bound: Binding) -> Part:
    """Return what a name is bound to, and which part of it where that is not written out."""
    value, path = bound.value, bound.path
    assert value is not None
    while path and isinstance(value, cst.Tuple | cst.List) and path[0] < len(value.elements):
        value, path = value.elements[path[0]].value, path[1:]
    return value, path[0] if path and bound.kind == "assigned" else None


def _put_into(syntax: Syntax, name: cst.Name) -> Iterator[cst.BaseExpression]:
    """Yield what is appended to what a name holds, or kept in it: `found.append(x)`, `kept[i] = x`."""
    home, own = home_of(syntax, name), m.Name(name.value)
    for call in syntax.every(cst.Call, home):
        if m.matches(call, m.Call(func=m.Attribute(value=own, attr=ADDING), args=[m.Arg()])):
            yield call.args[0].value
    for assign in syntax.every(cst.Assign, home):
        if m.matches(assign.targets[0].target, m.Subscript(value=own)):
            yield assign.value


def _passed_to(syntax: Syntax, name: cst.Name) -> Iterator[cst.BaseExpression]:
    """Yield what the calls of this file pass on under the name, where it is its function's parameter."""
    function = function_around(syntax, name)
    if function is not None and name.value in parameter_names(function):
        given = [given_arguments(function, call) for call in calls_of(syntax, function)]
        yield from (arguments[name.value] for arguments in given if name.value in arguments)
