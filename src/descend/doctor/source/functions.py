"""The functions of a file: which of them hold a node, which one a call runs and with what, and what it gives back."""

from collections.abc import Iterator
from functools import lru_cache

import libcst as cst

from descend.doctor.source.names import binding, enclosing_class, value_behind
from descend.doctor.source.syntax import Syntax, last_name

Function = cst.FunctionDef | cst.Lambda


def functions_around(syntax: Syntax, node: cst.CSTNode) -> list[cst.FunctionDef]:
    """Return the functions that hold the node, the innermost first."""
    return [outer for outer in syntax.ancestors(node) if isinstance(outer, cst.FunctionDef)]


def function_around(syntax: Syntax, node: cst.CSTNode) -> cst.FunctionDef | None:
    """Return the innermost function that holds the node; None on the file's first level."""
    return next(iter(functions_around(syntax, node)), None)


def home_of(syntax: Syntax, node: cst.CSTNode) -> cst.CSTNode:
    """Return the innermost function that holds the node, or the whole file."""
    return function_around(syntax, node) or syntax.module


def parameter_names(function: Function) -> list[str]:
    """Return the names of a function's parameters, in the order of a call."""
    given = function.params
    return [p.name.value for p in (*given.posonly_params, *given.params, *given.kwonly_params)]


def is_parameter(syntax: Syntax, expression: cst.BaseExpression) -> bool:
    """Whether the expression is a function's parameter: `net` of `def step(net, x): net(x)`."""
    bound = binding(syntax, expression) if isinstance(expression, cst.Name) else None
    return bound is not None and isinstance(bound.node, cst.Param)


def called_functions(syntax: Syntax, call: cst.Call) -> list[cst.FunctionDef]:
    """Return the functions of this file that a call may run: by its name, a method's, or a network's forward."""
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
    made = value_behind(syntax, call.func)
    kind = last_name(made.func) if isinstance(made, cst.Call) else ""
    if not kind and not is_parameter(syntax, call.func):
        return []
    classes = [c for c in syntax.every(cst.ClassDef) if c.name.value == kind or not kind]  # one that is passed on: any
    return [f for c in classes for f in syntax.every(cst.FunctionDef, c) if f.name.value == "forward"]


def calls_of(syntax: Syntax, function: cst.FunctionDef) -> list[cst.Call]:
    """Return the calls from elsewhere that may be of the function by its name; of a class where it is its `__init__`.

    `model.train()` is none of a function `train` that belongs to no class.
    """
    owner, name = enclosing_class(syntax, function), function.name.value
    is_construction = name == "__init__" and owner is not None
    found = _calls_by_name(syntax).get(owner.name.value if is_construction and owner is not None else name, [])
    is_free = owner is None or is_construction
    named = [c for c in found if not is_free or isinstance(c.func, cst.Name) or syntax.is_module(c.func)]
    return [call for call in named if function not in syntax.ancestors(call)]


@lru_cache(maxsize=8)
def _calls_by_name(syntax: Syntax) -> dict[str, list[cst.Call]]:
    found: dict[str, list[cst.Call]] = {}
    for call in syntax.every(cst.Call):
        found.setdefault(last_name(call.func), []).append(call)
    return found


def given_arguments(function: cst.FunctionDef, call: cst.Call) -> dict[str, cst.BaseExpression]:
    """Return what the call gives to each of the function's parameters, as far as it can be read."""
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
    """Return the function's first statement behind its docstring."""
    statements = function.body.body
    first = statements[function.get_docstring() is not None and len(statements) > 1]
    return first.body[0] if isinstance(first, cst.SimpleStatementLine) else first


def returned(syntax: Syntax, function: cst.FunctionDef, part: int | None = None) -> Iterator[cst.BaseExpression]:
    """Yield what a function returns, or that part of what is written as several."""
    for value in (statement.value for statement in syntax.every(cst.Return, function)):
        if part is not None and isinstance(value, cst.Tuple) and part < len(value.elements):
            yield value.elements[part].value
        elif value is not None:
            yield value
