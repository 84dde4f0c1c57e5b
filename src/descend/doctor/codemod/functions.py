"""Relate functions, their calls, their arguments and their return values within one file."""

from collections.abc import Iterator
from functools import lru_cache

import libcst as cst

from descend.doctor.codemod.names import binding, enclosing_class, value_of
from descend.doctor.codemod.syntax import Syntax, last_name

Function = cst.FunctionDef | cst.Lambda


def functions_around(syntax: Syntax, node: cst.CSTNode) -> list[cst.FunctionDef]:
    """Return the functions that contain the node, the innermost function first."""
    return [outer for outer in syntax.ancestors(node) if isinstance(outer, cst.FunctionDef)]


def function_around(syntax: Syntax, node: cst.CSTNode) -> cst.FunctionDef | None:
    """Return the innermost function that contains the node, or None if it is at module level."""
    return next(iter(functions_around(syntax, node)), None)


def enclosing_scope(syntax: Syntax, node: cst.CSTNode) -> cst.CSTNode:
    """Return the innermost function that contains the node, or the module if no function does."""
    return function_around(syntax, node) or syntax.module


def parameter_names(function: Function) -> list[str]:
    """Return the names of a function's parameters, in the order of its signature."""
    given = function.params
    return [p.name.value for p in (*given.posonly_params, *given.params, *given.kwonly_params)]


def is_parameter(syntax: Syntax, expression: cst.BaseExpression) -> bool:
    """Return whether an expression is the parameter of a function, as ``net`` in ``def step(net, x): net(x)``."""
    bound = binding(syntax, expression) if isinstance(expression, cst.Name) else None
    return bound is not None and isinstance(bound.node, cst.Param)


def called_functions(syntax: Syntax, call: cst.Call) -> list[cst.FunctionDef]:
    """Return the functions of this file that a call may run, including ``forward`` for the call of a module."""
    bound = binding(syntax, call.func) if isinstance(call.func, cst.Name) else None
    if bound is not None and isinstance(bound.node, cst.FunctionDef):
        return [bound.node]
    if isinstance(call.func, cst.Attribute):
        is_own = isinstance(call.func.value, cst.Name) and call.func.value.value == "self"
        owner = enclosing_class(syntax, call) if is_own else None
        around = syntax.module if owner is None else owner
        named = [f for f in syntax.every(cst.FunctionDef, around) if f.name.value == call.func.attr.value]
        if len(named) == 1 and enclosing_class(syntax, named[0]) is not None:
            return named
    made = value_of(syntax, call.func)
    kind = last_name(made.func) if isinstance(made, cst.Call) else ""
    if not kind and not is_parameter(syntax, call.func):
        return []
    # If the model is a parameter, its class is unknown, so the ``forward`` of every class counts.
    classes = [c for c in syntax.every(cst.ClassDef) if c.name.value == kind or not kind]
    return [f for c in classes for f in syntax.every(cst.FunctionDef, c) if f.name.value == "forward"]


def calls_to(syntax: Syntax, function: cst.FunctionDef) -> list[cst.Call]:
    """Return the calls in the file that may run the function; for ``__init__``, the calls that construct an object.

    ``model.train()`` is not a call to a module-level function ``train``.
    """
    owner, name = enclosing_class(syntax, function), function.name.value
    is_construction = name == "__init__" and owner is not None
    found = calls_by_name(syntax).get(owner.name.value if is_construction and owner is not None else name, [])
    is_free = owner is None or is_construction
    named = [c for c in found if not is_free or isinstance(c.func, cst.Name) or syntax.is_module(c.func)]
    return [call for call in named if function not in syntax.ancestors(call)]


@lru_cache(maxsize=8)
def calls_by_name(syntax: Syntax) -> dict[str, list[cst.Call]]:
    """Return all calls in the file, grouped by the last part of the called name."""
    found: dict[str, list[cst.Call]] = {}
    for call in syntax.every(cst.Call):
        found.setdefault(last_name(call.func), []).append(call)
    return found


def bind_arguments(function: cst.FunctionDef, call: cst.Call) -> dict[str, cst.BaseExpression]:
    """Return the expression that a call passes for each parameter of the function, as far as the source shows it."""
    names = parameter_names(function)
    plain = [argument for argument in call.args if argument.keyword is None]
    starred = next((i for i, argument in enumerate(plain) if argument.star), len(plain))
    values = [argument.value for argument in plain[:starred]]
    if names[:1] == ["self"]:
        if isinstance(call.func, cst.Attribute) and call.func.attr.value == function.name.value:
            values = [call.func.value, *values]
        else:
            names = names[1:]
    given = dict(zip(names, values))
    return given | {a.keyword.value: a.value for a in call.args if a.keyword is not None}


def first_statement(function: cst.FunctionDef) -> cst.CSTNode:
    """Return the first statement in the function's body, after the docstring."""
    statements = function.body.body
    first = statements[function.get_docstring() is not None and len(statements) > 1]
    return first.body[0] if isinstance(first, cst.SimpleStatementLine) else first


def returned_values(syntax: Syntax, function: cst.FunctionDef, part: int | None = None) -> Iterator[cst.BaseExpression]:
    """Yield the expressions that a function returns, or only element `part` of returned tuples."""
    for value in (statement.value for statement in syntax.every(cst.Return, function)):
        if part is not None and isinstance(value, cst.Tuple) and part < len(value.elements):
            yield value.elements[part].value
        elif value is not None:
            yield value
