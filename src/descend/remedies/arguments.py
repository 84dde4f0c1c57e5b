"""The arguments of an optimizer's constructor: which one is the rate, and how to write others."""

from collections.abc import Sequence
from math import isfinite

import libcst as cst

from descend.remedies.locate import Place
from descend.remedies.names import assigned_value, is_call_of, mapping_entry
from descend.remedies.syntax import Syntax, last_name

PARAMETERS = {"parameters", "named_parameters"}  # methods of a module that give what an optimizer gets
DIGITS = 3  # a dose comes from a noisy measurement: more would be false precision


def number(value: float) -> cst.BaseExpression:
    """Return a number as it would be written by hand: 0.0093, 1e-05."""
    return cst.parse_expression(number_text(value))


def number_text(value: float) -> str:
    """Return `value` in at most three significant digits."""
    return str(float(f"{value:.{DIGITS}g}"))


def is_rate(value: float) -> bool:
    """Return whether a learning rate can have this value."""
    return isfinite(value) and value > 0


def find_argument(call: cst.Call, name: str, index: int | None) -> cst.Arg | None:
    """Return the argument given by that name, or at that place (0 is the first), or None."""
    for argument in call.args:
        if argument.keyword is not None and argument.keyword.value == name:
            return argument
    plain = positional(call)
    return plain[index] if index is not None and index < len(plain) else None


def positional(call: cst.Call) -> list[cst.Arg]:
    """Return the arguments that are given by their place."""
    return [a for a in call.args if a.keyword is None and a.star == ""]


def is_unpacked(call: cst.Call) -> bool:
    """Return whether some of the arguments come out of a list or dict (`*a`, `**k`)."""
    return any(a.star for a in call.args)


def keyword(name: str, value: cst.BaseExpression) -> cst.Arg:
    """Return the argument `name=value`."""
    tight = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    return cst.Arg(value, keyword=cst.Name(name), equal=tight)


def with_arguments(call: cst.Call, arguments: Sequence[cst.Arg]) -> cst.Call:
    """Return the call with other arguments, separated and ended as its own are."""
    old = call.args
    between = _separator(call)
    *others, last = arguments
    spaced = [a if isinstance(a.comma, cst.Comma) and a is not old[-1] else _comma(a, between) for a in others]
    end = last.with_changes(comma=old[-1].comma, whitespace_after_arg=old[-1].whitespace_after_arg)
    return call.with_changes(args=[*spaced, end])


def _comma(argument: cst.Arg, comma: cst.Comma) -> cst.Arg:
    return argument.with_changes(comma=comma, whitespace_after_arg=cst.SimpleWhitespace(""))


def _separator(call: cst.Call) -> cst.Comma:
    first = call.args[0].comma
    gap = call.whitespace_before_args
    if len(call.args) > 1 and isinstance(first, cst.Comma):
        gap = first.whitespace_after
    if not isinstance(gap, cst.ParenthesizedWhitespace):
        return cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    bare = cst.TrailingWhitespace(newline=gap.first_line.newline)  # a comment there is about its own line
    return cst.Comma(whitespace_after=gap.with_changes(first_line=bare, empty_lines=[]))


def makes_optimizer(place: Place) -> bool:
    """Return whether the call itself makes the optimizer, not something further inside (`trainer.fit`)."""
    syntax, call, name = place.syntax, place.call, place.site.detail
    if not name or is_call_of(syntax, call, name) or not isinstance(call.func, cst.Name | cst.Attribute):
        return True
    return find_argument(call, "params", None) is not None or bool(_parameters(syntax, call))


def _parameters(syntax: Syntax, call: cst.Call) -> list[cst.Call]:
    """Return the calls of `parameters()` in the arguments, also behind a name."""
    values = [argument.value for argument in call.args]
    behind = [assigned_value(syntax, value) for value in values if isinstance(value, cst.Name)]
    calls = [inner for value in [*values, *behind] if value is not None for inner in syntax.every(cst.Call, value)]
    return [inner for inner in calls if last_name(inner.func) in PARAMETERS]


def has_own_rates(syntax: Syntax, call: cst.Call) -> bool:
    """Return whether the parameters come in groups that bring rates of their own."""
    parameters = find_argument(call, "params", 0)
    if parameters is None:
        return False
    value: cst.BaseExpression | None = parameters.value
    if isinstance(value, cst.Name):
        value = assigned_value(syntax, value)
    if value is None:
        return False
    groups = [*syntax.every(cst.Dict, value), *syntax.every(cst.Call, value)]
    return any(mapping_entry(group, "lr") is not None for group in groups)
