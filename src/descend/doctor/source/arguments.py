"""The arguments of a call, an optimizer's constructor above all: which one is the rate, and how to write others."""

import re
from collections.abc import Sequence
from math import isfinite
from typing import Any

import libcst as cst

from descend.doctor.source.locate import Place
from descend.doctor.source.names import assigned_value, is_call_of, mapping_entry
from descend.doctor.source.syntax import Syntax, last_name

PARAMETERS = {"parameters", "named_parameters"}  # methods of a module that give what an optimizer gets
DIGITS = 3  # a dose comes from a noisy measurement: more would be false precision
ORDER = {  # what torch's optimizers take by place
    "SGD": "params lr momentum dampening weight_decay nesterov",
    "Adam": "params lr betas eps weight_decay amsgrad",
    "AdamW": "params lr betas eps weight_decay amsgrad",
    "Adamax": "params lr betas eps weight_decay",
    "NAdam": "params lr betas eps weight_decay momentum_decay",
    "RAdam": "params lr betas eps weight_decay",
    "RMSprop": "params lr alpha eps weight_decay momentum centered",
    "Adagrad": "params lr lr_decay weight_decay initial_accumulator_value eps",
    "Adadelta": "params lr rho eps weight_decay",
    "ASGD": "params lr lambd alpha t0 weight_decay",
    "Rprop": "params lr etas step_sizes",
    "LBFGS": "params lr max_iter max_eval tolerance_grad tolerance_change history_size line_search_fn",
}

EXPONENT = re.compile(r"e(-?)\+?0*(?=\d)")


def number(value: float) -> cst.BaseExpression:
    """Return a number as it would be written by hand: 0.0093, 1e-5."""
    return cst.parse_expression(number_text(value))


def number_text(value: float) -> str:
    """Return `value` in at most three significant digits; so is the distance from 1 of one just below it (0.9995)."""
    if 0.99 < value < 1:
        return str(round(1 - float(f"{1 - value:.{DIGITS - 1}g}"), 15))
    return EXPONENT.sub(r"e\1", str(float(f"{value:.{DIGITS}g}")))


def number_like(value: float, old: str) -> str:
    """Return `value` in the way of writing of another number: 8e-2 where that was 5e-1, but 0.6 where it was 5e-3."""
    plain = number_text(value)
    if "e" not in old.lower() or "e" in plain or not 0 < value < 0.1:
        return plain
    head, _, power = f"{value:.{DIGITS - 1}e}".partition("e")
    return f"{head.rstrip('0').rstrip('.')}e{int(power)}"


def written(value: Any) -> cst.BaseExpression:
    """Return a dose as it would be written by hand: 0.0093, 30, True, "mean", (0.9, 0.999)."""
    return cst.parse_expression(_text(value))


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"({', '.join(map(_text, value))})"
    if isinstance(value, str):
        return f'"{value}"'
    return number_text(value) if isinstance(value, float) else repr(value)


def place_in(rule: str, name: str) -> int | None:
    """Return at which place an optimizer takes an argument, or None."""
    order = ORDER.get(rule, "").split()
    return order.index(name) if name in order else None


def takes(rule: str, name: str) -> bool:
    """Return whether an optimizer has that argument, as far as it is known."""
    return rule not in ORDER or name in ORDER[rule].split()


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
    if not old:
        return call.with_changes(args=arguments)
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


def is_in_groups(syntax: Syntax, call: cst.Call, name: str) -> bool:
    """Return whether the parameters come in groups that bring an argument of that name (`lr`) of their own."""
    return bool(given_in_groups(syntax, call, name))


def given_in_groups(syntax: Syntax, call: cst.Call, name: str) -> list[cst.BaseExpression]:
    """Return what the parameter groups give as that argument, each that has one of its own."""
    parameters = find_argument(call, "params", 0)
    if parameters is None:
        return []
    value: cst.BaseExpression | None = parameters.value
    if isinstance(value, cst.Name):
        value = assigned_value(syntax, value)
    if value is None:
        return []
    groups = [*syntax.every(cst.Dict, value), *syntax.every(cst.Call, value)]
    return [given for group in groups if (given := mapping_entry(group, name)) is not None]
