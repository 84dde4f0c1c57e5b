"""Find the expressions that contribute to a value, through names, lists, functions and networks of the same file."""

from collections.abc import Callable, Iterator

import libcst as cst
from libcst import matchers as m

from descend.doctor.codemod.bindings import Binding, BindingKind, bindings_of_name
from descend.doctor.codemod.functions import (
    bind_arguments,
    called_functions,
    calls_to,
    enclosing_scope,
    function_around,
    parameter_names,
    returned_values,
)
from descend.doctor.codemod.syntax import Syntax

MAX_DEPTH = 12  # largest number of variables and functions through which a value is followed
ADDING_METHODS = m.Name("append") | m.Name("extend")
Part = tuple[
    cst.BaseExpression, int | None
]  # a value, and the index of the element that is used; None for the whole value
StopCondition = Callable[[cst.CSTNode], bool]


def contributing_expressions(
    syntax: Syntax, value: cst.CSTNode, stops: StopCondition = lambda node: False
) -> Iterator[cst.BaseExpression]:
    """Yield a value and all expressions that it is computed from, except those within nodes that `stops` accepts."""
    return _contributing_expressions(syntax, value, stops, MAX_DEPTH, set())


def _contributing_expressions(
    syntax: Syntax,
    value: cst.CSTNode,
    stops: StopCondition,
    depth: int,
    seen: set[tuple[cst.CSTNode, int | None]],
    part: int | None = None,
) -> Iterator[cst.BaseExpression]:
    """Yield the value and all expressions from which it, or its element `part`, is computed through `depth` names."""
    if (value, part) in seen or not depth:
        return
    seen.add((value, part))
    for node in _subtree(value, stops):
        if isinstance(node, cst.BaseExpression):
            yield node
        if isinstance(node, cst.Name):
            for given, which in values_of_name(syntax, node):
                yield from _contributing_expressions(syntax, given, stops, depth - 1, seen, which)
        if isinstance(node, cst.Call):
            for function in called_functions(syntax, node):
                for outcome in returned_values(syntax, function, part if node is value else None):
                    yield from _contributing_expressions(syntax, outcome, stops, depth - 1, seen)


def _subtree(node: cst.CSTNode, stops: StopCondition) -> Iterator[cst.CSTNode]:
    """Yield the node and all nodes in it, except those that `stops` accepts and the nodes within them."""
    if stops(node):
        return
    yield node
    for child in node.children:
        yield from _subtree(child, stops)


def is_list(syntax: Syntax, value: cst.CSTNode, part: int | None = None, depth: int = MAX_DEPTH) -> bool:
    """Return whether a value is a list: a literal list, or a name or call whose value is one."""
    if isinstance(value, cst.List | cst.ListComp) or not depth:
        return depth > 0
    given: list[Part] = []
    if isinstance(value, cst.Name):
        given = [
            _bound_part(b)
            for b in _reaching_bindings(syntax, value)
            if b.kind is BindingKind.ASSIGNED and b.value is not None
        ]
    if isinstance(value, cst.Call):
        given = [
            (r, None) for function in called_functions(syntax, value) for r in returned_values(syntax, function, part)
        ]
    return any(is_list(syntax, expression, which, depth - 1) for expression, which in given)


def values_of_name(syntax: Syntax, name: cst.Name) -> list[Part]:
    """Return the values that a variable may have: assigned values, elements added to it, and arguments passed for it.

    If a value is a call that returns several results, it comes with the index of the one that is assigned.
    """
    added = [(value, None) for value in (*_values_added_to(syntax, name), *_values_passed_to(syntax, name))]
    return [*(_bound_part(bound) for bound in _reaching_bindings(syntax, name) if bound.value is not None), *added]


def _reaching_bindings(syntax: Syntax, name: cst.Name) -> list[Binding]:
    """Return the bindings that may determine the value of a name; the last one that always runs hides earlier ones."""
    found, around = bindings_of_name(syntax, name), set(syntax.ancestors(name))
    assigned = [bound for bound in found if bound.kind in (BindingKind.ASSIGNED, BindingKind.CHANGED)]
    sure = [
        bound
        for bound in assigned
        if bound.kind is BindingKind.ASSIGNED and _always_runs_before(syntax, bound.node, name, around)
    ]
    if not sure:
        return found
    since, until = max(syntax.line(bound.node) for bound in sure), syntax.line(name)
    passed = [bound for bound in assigned if not since <= syntax.line(bound.node) < until]
    return [bound for bound in found if bound not in passed]


def _always_runs_before(syntax: Syntax, assign: cst.CSTNode, name: cst.Name, around: set[cst.CSTNode]) -> bool:
    """Return whether an assignment always runs before the name is read, because it is in a block around the name."""
    block = syntax.parents[syntax.parents[assign]]
    return assign not in around and block in around and syntax.line(assign) < syntax.line(name)


def _bound_part(bound: Binding) -> Part:
    """Return the value of a binding and, if the binding unpacks it, the index of the unpacked element."""
    value, path = bound.value, bound.path
    assert value is not None
    while path and isinstance(value, cst.Tuple | cst.List) and path[0] < len(value.elements):
        value, path = value.elements[path[0]].value, path[1:]
    return value, path[0] if path and bound.kind is BindingKind.ASSIGNED else None


def _values_added_to(syntax: Syntax, name: cst.Name) -> Iterator[cst.BaseExpression]:
    """Yield the values that are stored in a list or mapping, as by ``found.append(x)`` or ``kept[i] = x``."""
    home, own = enclosing_scope(syntax, name), m.Name(name.value)
    for call in syntax.every(cst.Call, home):
        if m.matches(call, m.Call(func=m.Attribute(value=own, attr=ADDING_METHODS), args=[m.Arg()])):
            yield call.args[0].value
    for assign in syntax.every(cst.Assign, home):
        if m.matches(assign.targets[0].target, m.Subscript(value=own)):
            yield assign.value


def _values_passed_to(syntax: Syntax, name: cst.Name) -> Iterator[cst.BaseExpression]:
    """Yield the expressions that calls in this file pass for a parameter; nothing for other names."""
    function = function_around(syntax, name)
    if function is not None and name.value in parameter_names(function):
        given = [bind_arguments(function, call) for call in calls_to(syntax, function)]
        yield from (arguments[name.value] for arguments in given if name.value in arguments)
