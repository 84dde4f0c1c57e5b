"""Follows an expression to the number in the source that it comes from.

Only where changing that number changes nothing else: a name, attribute or key that is also read for another
purpose is left alone. Reading it to tell it (print, a format string) is no other purpose.
"""

from collections.abc import Sequence

import libcst as cst
from libcst.metadata import Access

from descend.remedies.names import (
    binding,
    given_keyword,
    is_target,
    text_of,
    value_behind,
)
from descend.remedies.syntax import Syntax, last_name

STEPS = 8  # from name to name; a longer chain is a loop


def follow(syntax: Syntax, expression: cst.BaseExpression, arguments: Sequence[str]) -> cst.BaseExpression | None:
    """Return the number literal behind `expression`, or None.

    `arguments` is the script's command line: a number that it gives is not in the source.
    """
    found: cst.BaseExpression | None = expression
    for _ in range(STEPS):
        if found is None or _is_shared(syntax, found):
            return None
        if is_number(found):
            return found
        behind = value_behind(syntax, found)
        if behind is None and isinstance(found, cst.Attribute):
            behind = _option_default(syntax, found.attr.value, arguments)
        found = behind
    return None


def is_number(expression: cst.BaseExpression) -> bool:
    """Return whether the expression is a number written out."""
    if isinstance(expression, cst.UnaryOperation) and isinstance(expression.operator, cst.Minus | cst.Plus):
        return is_number(expression.expression)
    return isinstance(expression, cst.Integer | cst.Float)


def _is_shared(syntax: Syntax, expression: cst.BaseExpression) -> bool:
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
    return any(use is not expression and not _is_harmless(syntax, use) for use in uses)


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


def _option_default(syntax: Syntax, name: str, arguments: Sequence[str]) -> cst.BaseExpression | None:
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
