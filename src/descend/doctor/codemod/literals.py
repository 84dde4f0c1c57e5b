"""Follow an expression to the literal in the source that defines its value: a number, a boolean or a tuple of numbers.

A literal is found only if changing it has no other effect: names, attributes and keys that are read elsewhere are left
alone. Reads that only print the value do not count, nor do reads in a branch that excludes the expression's own.
"""

from collections.abc import Callable, Sequence

import libcst as cst
from libcst.metadata import Access

from descend.doctor.codemod.branches import are_exclusive
from descend.doctor.codemod.command_line_options import option_default
from descend.doctor.codemod.functions import bind_arguments, calls_to, function_around
from descend.doctor.codemod.names import binding, enclosing_class, is_target, member_value, value_of
from descend.doctor.codemod.syntax import Syntax, last_name

MAX_STEPS = 8  # largest number of variables through which a value is followed; more are probably a cycle


def is_number(expression: cst.BaseExpression) -> bool:
    """Return whether the expression is a number in the source, possibly with a sign."""
    if isinstance(expression, cst.UnaryOperation) and isinstance(expression.operator, cst.Minus | cst.Plus):
        return is_number(expression.expression)
    return isinstance(expression, cst.Integer | cst.Float)


def is_literal(expression: cst.BaseExpression) -> bool:
    """Return whether the expression is a number, a boolean, or a tuple or list of numbers in the source."""
    if isinstance(expression, cst.Tuple | cst.List):
        return all(is_number(element.value) for element in expression.elements)
    return is_number(expression) or (isinstance(expression, cst.Name) and expression.value in ("True", "False"))


def find_literal(
    syntax: Syntax,
    expression: cst.BaseExpression,
    arguments: Sequence[str],
    shared: Sequence[cst.CSTNode] = (),
    is_end: Callable[[cst.BaseExpression], bool] = is_literal,
) -> cst.BaseExpression | None:
    """Return the literal in the source that defines only the value of an expression; None without such a literal.

    `arguments` is the script's command line: a number given there is not in the source. Uses within `shared` nodes
    may change as well. `is_end` returns whether an expression is a literal at which the search ends.
    """
    found: cst.BaseExpression | None = expression
    for _ in range(MAX_STEPS):
        if found is None or is_read_elsewhere(syntax, found, shared):
            return None
        if is_end(found):
            return found
        origin = _defining_expression(syntax, found)
        if origin is None and isinstance(found, cst.Attribute):
            origin = option_default(syntax, found.attr.value, arguments)
        found = origin
    return None


def _defining_expression(syntax: Syntax, expression: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return the expression that a name, attribute or key gets its value from, or None."""
    value = value_of(syntax, expression)
    if value is not None:
        return value
    if isinstance(expression, cst.Name):
        return _argument_for_parameter(syntax, expression)
    if not isinstance(expression, cst.Attribute):
        return None
    if syntax.code(expression.value) == "self.hparams":
        return _hyperparameter(syntax, expression)
    origin: cst.BaseExpression | None = expression.value
    for _ in range(MAX_STEPS):
        if not isinstance(origin, cst.Name | cst.Attribute):
            break
        origin = _defining_expression(syntax, origin)
    return member_value(syntax, origin, expression.attr.value)


def _hyperparameter(syntax: Syntax, expression: cst.Attribute) -> cst.BaseExpression | None:
    """Return the value of ``self.hparams.lr``, for which Lightning stores the parameter ``lr`` of ``__init__``."""
    methods = syntax.every(cst.FunctionDef, owner) if (owner := enclosing_class(syntax, expression)) else []
    parameters = [p for method in methods if method.name.value == "__init__" for p in syntax.every(cst.Param, method)]
    named = [parameter for parameter in parameters if parameter.name.value == expression.attr.value]
    return _passed_value(syntax, named[0]) if len(named) == 1 else None


def _argument_for_parameter(syntax: Syntax, name: cst.Name) -> cst.BaseExpression | None:
    """Return the value of a name that is a function's parameter, if it is known."""
    bound = binding(syntax, name)
    return _passed_value(syntax, bound.node) if bound is not None and isinstance(bound.node, cst.Param) else None


def _passed_value(syntax: Syntax, parameter: cst.Param) -> cst.BaseExpression | None:
    """Return the value that a function's only call passes for a parameter, or else the parameter's default."""
    function, name = function_around(syntax, parameter), parameter.name
    if function is None:
        return None
    calls = calls_to(syntax, function)
    if any(argument.star for call in calls for argument in call.args) or not calls:
        return None
    given = [value for call in calls if (value := bind_arguments(function, call).get(name.value)) is not None]
    if not given:
        return parameter.default
    return given[0] if len(calls) == 1 else None


def is_read_elsewhere(syntax: Syntax, expression: cst.BaseExpression, shared: Sequence[cst.CSTNode]) -> bool:
    """Return whether the file also reads a name, attribute or key at other places, except within the nodes `shared`."""
    if isinstance(expression, cst.Name):
        bound = binding(syntax, expression)
        accesses: set[Access] = set(bound.references) if bound is not None else set()
        uses: list[cst.CSTNode] = [access.node for access in accesses]
    elif isinstance(expression, cst.Attribute):
        name = expression.attr.value
        uses = [a for a in syntax.every(cst.Attribute) if a.attr.value == name]
    elif isinstance(expression, cst.Subscript):
        code = syntax.code(expression)
        uses = [s for s in syntax.every(cst.Subscript) if syntax.code(s) == code]
    else:
        return False
    others = [
        use
        for use in uses
        if use is not expression and not _only_reports(syntax, use) and not are_exclusive(syntax, use, expression)
    ]
    return any(not any(outer in shared for outer in (use, *syntax.ancestors(use))) for use in others)


def _only_reports(syntax: Syntax, use: cst.CSTNode) -> bool:
    """Return whether code uses a value only to print it or to store it as an attribute of ``self``."""
    if isinstance(use, cst.Attribute) and syntax.code(use.value) == "self" and is_target(syntax, use):
        return not isinstance(syntax.parents[use], cst.AugAssign)
    for outer in syntax.ancestors(use):
        if isinstance(outer, cst.FormattedString):
            return True
        if isinstance(outer, cst.Call) and last_name(outer.func) == "print":
            return True
        if isinstance(outer, cst.BaseStatement):
            break
    return False
