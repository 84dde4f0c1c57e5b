"""Read and write the arguments of a call, above all of an optimizer's constructor."""

import re
from collections.abc import Sequence
from math import isfinite
from typing import Any

import libcst as cst

from descend.doctor.codemod.locate import Place
from descend.doctor.codemod.names import assigned_value, is_call_of, mapping_value
from descend.doctor.codemod.syntax import Syntax, last_name

PARAMETER_METHODS = {"parameters", "named_parameters"}  # methods of a module that return its parameters
SIGNIFICANT_DIGITS = 3  # New numbers come from noisy measurements, so more digits would only show noise.
POSITIONAL_ORDER = {  # torch's optimizers -> the order of their positional arguments
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
    "Adafactor": "params lr beta2_decay eps d weight_decay",
    "Muon": "params lr weight_decay momentum nesterov ns_coefficients eps ns_steps adjust_lr_fn",
    "LBFGS": "params lr max_iter max_eval tolerance_grad tolerance_change history_size line_search_fn",
}

EXPONENT = re.compile(r"e(-?)\+?0*(?=\d)")


def number_expression(value: float) -> cst.BaseExpression:
    """Return a number as a syntax tree node, written as a person would write it: 0.0093 or 1e-5."""
    return cst.parse_expression(format_number(value))


def format_number(value: float) -> str:
    """Return `value` with at most three significant digits; numbers just below 1, such as 0.9995, keep more."""
    if 0.99 < value < 1:
        return str(round(1 - float(f"{1 - value:.{SIGNIFICANT_DIGITS - 1}g}"), 15))
    return EXPONENT.sub(r"e\1", str(float(f"{value:.{SIGNIFICANT_DIGITS}g}")))


def format_number_like(value: float, old: str) -> str:
    """Return `value` in the notation of the number `old`; scientific notation is used only for numbers below 0.1."""
    plain = format_number(value)
    if "e" not in old.lower() or "e" in plain or not 0 < value < 0.1:
        return plain
    head, _, power = f"{value:.{SIGNIFICANT_DIGITS - 1}e}".partition("e")
    return f"{head.rstrip('0').rstrip('.')}e{int(power)}"


def literal_expression(value: Any) -> cst.BaseExpression:
    """Return a value as a syntax tree node, written as a person would write it: 0.0093, "mean" or (0.9, 0.999)."""
    return cst.parse_expression(_literal_code(value))


def _literal_code(value: Any) -> str:
    """Return the source code of a number, a string, a boolean or a tuple of them."""
    if isinstance(value, list | tuple):
        return f"({', '.join(map(_literal_code, value))})"
    if isinstance(value, str):
        return f'"{value}"'
    return format_number(value) if isinstance(value, float) else repr(value)


def argument_position(rule: str, name: str) -> int | None:
    """Return the position of an argument in the constructor of one of torch's optimizers, or None."""
    order = POSITIONAL_ORDER.get(rule, "").split()
    return order.index(name) if name in order else None


def accepts_argument(rule: str, name: str) -> bool:
    """Return whether an optimizer has the argument; optimizers from other packages are assumed to have it."""
    return rule not in POSITIONAL_ORDER or name in POSITIONAL_ORDER[rule].split()


def is_valid_learning_rate(value: float) -> bool:
    """Return whether a number can be a learning rate: it is finite and positive."""
    return isfinite(value) and value > 0


def find_argument(call: cst.Call, name: str, index: int | None) -> cst.Arg | None:
    """Return the argument that a call passes by the keyword `name` or at position `index`, counted from 0; or None."""
    for argument in call.args:
        if argument.keyword is not None and argument.keyword.value == name:
            return argument
    plain = positional_arguments(call)
    return plain[index] if index is not None and index < len(plain) else None


def positional_arguments(call: cst.Call) -> list[cst.Arg]:
    """Return the positional arguments of a call, except unpacked ones (``*a``)."""
    return [a for a in call.args if a.keyword is None and a.star == ""]


def has_unpacked_arguments(call: cst.Call) -> bool:
    """Return whether a call unpacks a list or mapping into its arguments (``*a``, ``**k``)."""
    return any(a.star for a in call.args)


def keyword_argument(name: str, value: cst.BaseExpression) -> cst.Arg:
    """Return the syntax tree node of an argument ``name=value``."""
    tight = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    return cst.Arg(value, keyword=cst.Name(name), equal=tight)


def with_arguments(call: cst.Call, arguments: Sequence[cst.Arg]) -> cst.Call:
    """Replace the arguments of a call by new ones, which are separated by the same spaces and line breaks."""
    old = call.args
    if not old:
        return call.with_changes(args=arguments)
    between = _argument_separator(call)
    *others, last = arguments
    spaced = [a if isinstance(a.comma, cst.Comma) and a is not old[-1] else _replace_comma(a, between) for a in others]
    end = last.with_changes(comma=old[-1].comma, whitespace_after_arg=old[-1].whitespace_after_arg)
    return call.with_changes(args=[*spaced, end])


def _replace_comma(argument: cst.Arg, comma: cst.Comma) -> cst.Arg:
    """Return a copy of the argument in which `comma` replaces the comma that follows it."""
    return argument.with_changes(comma=comma, whitespace_after_arg=cst.SimpleWhitespace(""))


def _argument_separator(call: cst.Call) -> cst.Comma:
    """Return the comma that separates a call's arguments, with the space or line break that follows it."""
    first = call.args[0].comma
    gap = call.whitespace_before_args
    if len(call.args) > 1 and isinstance(first, cst.Comma):
        gap = first.whitespace_after
    if not isinstance(gap, cst.ParenthesizedWhitespace):
        return cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    # The line break after the opening parenthesis may follow a comment, which the separator must not repeat.
    bare = cst.TrailingWhitespace(newline=gap.first_line.newline)
    return cst.Comma(whitespace_after=gap.with_changes(first_line=bare, empty_lines=[]))


def makes_optimizer(place: Place) -> bool:
    """Return whether the call constructs an optimizer itself, unlike a call such as ``trainer.fit``."""
    syntax, call, name = place.syntax, place.call, place.site.detail
    if not name or is_call_of(syntax, call, name) or not isinstance(call.func, cst.Name | cst.Attribute):
        return True
    return find_argument(call, "params", None) is not None or bool(_parameter_calls(syntax, call))


def _parameter_calls(syntax: Syntax, call: cst.Call) -> list[cst.Call]:
    """Return the calls of ``parameters()`` in a call's arguments, or in the variables passed as arguments."""
    values = [argument.value for argument in call.args]
    assigned = [assigned_value(syntax, value) for value in values if isinstance(value, cst.Name)]
    calls = [inner for value in [*values, *assigned] if value is not None for inner in syntax.every(cst.Call, value)]
    return [inner for inner in calls if last_name(inner.func) in PARAMETER_METHODS]


def has_group_argument(syntax: Syntax, call: cst.Call, name: str) -> bool:
    """Return whether a parameter group of the optimizer has its own value for an argument, such as ``lr``."""
    return bool(group_arguments(syntax, call, name))


def group_arguments(syntax: Syntax, call: cst.Call, name: str) -> list[cst.BaseExpression]:
    """Return the values that an optimizer's parameter groups set for an argument, such as ``lr``."""
    parameters = find_argument(call, "params", 0)
    if parameters is None:
        return []
    value: cst.BaseExpression | None = parameters.value
    if isinstance(value, cst.Name):
        value = assigned_value(syntax, value)
    if value is None:
        return []
    groups = [*syntax.every(cst.Dict, value), *syntax.every(cst.Call, value)]
    return [given for group in groups if (given := mapping_value(group, name)) is not None]
