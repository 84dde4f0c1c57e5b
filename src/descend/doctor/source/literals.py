"""Follows an expression to the number (a pair of them, a truth value) in the source that it comes from.

Only where changing that number changes nothing else: a name, attribute or key that is also read for another
purpose is left alone. Reading it to tell it (print, a format string) is no other purpose, nor is a branch that is
not run together with the expression's own.
"""

from collections.abc import Sequence

import libcst as cst
from libcst.metadata import Access

from descend.doctor.source.branches import are_exclusive
from descend.doctor.source.functions import calls_of, function_around, given_arguments
from descend.doctor.source.names import binding, given_keyword, is_target, member_of, text_of, value_behind
from descend.doctor.source.syntax import Syntax, last_name

STEPS = 8  # from name to name; a longer chain is a loop


def follow(
    syntax: Syntax, expression: cst.BaseExpression, arguments: Sequence[str], shared: Sequence[cst.CSTNode] = ()
) -> cst.BaseExpression | None:
    """Return the literal behind `expression`, or None.

    `arguments` is the script's command line: a number that it gives is not in the source. What is read in one of
    the `shared` nodes may change as well.
    """
    found: cst.BaseExpression | None = expression
    for _ in range(STEPS):
        if found is None or is_read_elsewhere(syntax, found, shared):
            return None
        if is_literal(found):
            return found
        behind = _behind(syntax, found)
        if behind is None and isinstance(found, cst.Attribute):
            behind = option_default(syntax, found.attr.value, arguments)
        found = behind
    return None


def _behind(syntax: Syntax, expression: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return the expression behind a name, an attribute or a key, also through the one call of a function."""
    value = value_behind(syntax, expression)
    if value is not None:
        return value
    if isinstance(expression, cst.Name):
        return _given(syntax, expression)
    if not isinstance(expression, cst.Attribute):
        return None
    origin: cst.BaseExpression | None = expression.value
    for _ in range(STEPS):
        if not isinstance(origin, cst.Name | cst.Attribute):
            break
        origin = _behind(syntax, origin)
    return member_of(syntax, origin, expression.attr.value)


def _given(syntax: Syntax, name: cst.Name) -> cst.BaseExpression | None:
    """Return what the calls of a function give to its parameter: the only one's, or where none does its default."""
    bound = binding(syntax, name)
    parameter = bound.node if bound is not None else None
    function = function_around(syntax, parameter) if isinstance(parameter, cst.Param) else None
    if function is None or not isinstance(parameter, cst.Param):
        return None
    calls = calls_of(syntax, function)
    if any(argument.star for call in calls for argument in call.args) or not calls:
        return None
    given = [value for call in calls if (value := given_arguments(function, call).get(name.value)) is not None]
    if not given:
        return parameter.default
    return given[0] if len(calls) == 1 else None


def is_read_elsewhere(syntax: Syntax, expression: cst.BaseExpression, shared: Sequence[cst.CSTNode]) -> bool:
    """Return whether a name, attribute or key is also read for another purpose, `shared` nodes aside."""
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
        if use is not expression and not _is_harmless(syntax, use) and not are_exclusive(syntax, use, expression)
    ]
    return any(not any(outer in shared for outer in (use, *syntax.ancestors(use))) for use in others)


def is_number(expression: cst.BaseExpression) -> bool:
    """Return whether the expression is a number written out."""
    if isinstance(expression, cst.UnaryOperation) and isinstance(expression.operator, cst.Minus | cst.Plus):
        return is_number(expression.expression)
    return isinstance(expression, cst.Integer | cst.Float)


def is_literal(expression: cst.BaseExpression) -> bool:
    """Return whether the expression is a number, a truth value or some numbers in brackets, written out."""
    if isinstance(expression, cst.Tuple | cst.List):
        return all(is_number(element.value) for element in expression.elements)
    return is_number(expression) or (isinstance(expression, cst.Name) and expression.value in ("True", "False"))


def _is_harmless(syntax: Syntax, use: cst.CSTNode) -> bool:
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


def option_default(syntax: Syntax, name: str, arguments: Sequence[str]) -> cst.BaseExpression | None:
    """Return the default of the one command-line option that is read as `args.<name>`."""
    calls = syntax.every(cst.Call)
    if any(given_keyword(c, name) is not None for c in calls if last_name(c.func) == "set_defaults"):
        return None
    added = [c for c in calls if last_name(c.func) == "add_argument" and _destination(c) == name]
    if len(added) != 1 or any(_is_given(spelling, arguments) for spelling in _spellings(added[0])):
        return None
    return given_keyword(added[0], "default")


def _spellings(option: cst.Call) -> list[str]:
    texts = [text_of(a.value) for a in option.args if a.keyword is None and a.star == ""]
    return [text for text in texts if text and text.startswith("-")]


def _destination(option: cst.Call) -> str | None:
    if (given := given_keyword(option, "dest")) is not None:
        return text_of(given)
    spellings = _spellings(option)
    long = [s for s in spellings if s.startswith("--")]
    return (long or spellings or [""])[0].lstrip("-").replace("-", "_")


def _is_given(spelling: str, arguments: Sequence[str]) -> bool:
    """Return whether the command line has the option, also abbreviated or joined with its value."""
    if spelling.startswith("--"):
        heads = [argument.split("=")[0] for argument in arguments]
        return any(len(head) > 2 and spelling.startswith(head) for head in heads)
    return any(argument.startswith(spelling) for argument in arguments)
