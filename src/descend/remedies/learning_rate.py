"""Another learning rate: the number itself where the source has one, or else in the optimizer's call."""

from typing import Any

import libcst as cst

from descend.record import Record
from descend.remedies.arguments import (
    find_argument,
    has_own_rates,
    is_rate,
    keyword,
    makes_optimizer,
    number,
    positional,
    with_arguments,
)
from descend.remedies.literals import follow
from descend.remedies.locate import Place, locate
from descend.remedies.names import mapping_entry, value_behind
from descend.remedies.remedy import NotApplicable
from descend.script import Script


def learning_rate(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Give the optimizer the rate `dose["lr"]`.

    A rate that the script sets later by itself (`OneCycleLR`, `group["lr"] = …`) is not found here; the trial
    shows then that the edit has no effect.
    """
    place = locate(script, record, "optimizer", dose.get("optimizer", "0"))
    if isinstance(place, NotApplicable):
        return place
    if not is_rate(dose["lr"]):
        return NotApplicable(f"a learning rate cannot be {dose['lr']}")
    if has_own_rates(place.syntax, place.call):
        return NotApplicable("the parameter groups have learning rates of their own")
    expression = _rate(place)
    if isinstance(expression, NotApplicable):
        return expression
    rate = number(dose["lr"])
    if expression is None:
        text = place.syntax.replace(place.call, _with_rate(place.call, rate))
    else:
        literal = follow(place.syntax, expression, script.arguments) or expression
        text = place.syntax.replace(literal, rate)
    if text == place.syntax.module.code:
        return NotApplicable(f"the learning rate is {place.syntax.code(rate)} already")
    return script.edit(place.syntax.file, text)


def _rate(place: Place) -> cst.BaseExpression | None | NotApplicable:
    """Return the expression that gives the rate; None when the call leaves it to its default."""
    argument = find_argument(place.call, "lr", None if _is_listed(place.call) else 1)
    if argument is not None and (argument.keyword is not None or makes_optimizer(place)):
        return argument.value
    if not makes_optimizer(place):
        return NotApplicable(place.inside)
    if _is_listed(place.call):
        return NotApplicable("the optimizer's arguments come out of a list")
    for argument in place.call.args:
        if argument.star == "**":
            return _unpacked_rate(place, argument.value)
    return None if place.call.args else NotApplicable("the optimizer is made without parameters")


def _is_listed(call: cst.Call) -> bool:
    return any(argument.star == "*" for argument in call.args)


def _unpacked_rate(place: Place, mapping: cst.BaseExpression) -> cst.BaseExpression | None | NotApplicable:
    code = place.syntax.code(mapping)
    origin = mapping if isinstance(mapping, cst.Dict) else value_behind(place.syntax, mapping)
    rate = mapping_entry(origin, "lr")
    if rate is None:
        return NotApplicable(f"the learning rate comes out of `**{code}`")
    uses = [a for a in place.syntax.every(cst.Arg) if a.star == "**" and place.syntax.code(a.value) == code]
    return rate if len(uses) == 1 else NotApplicable(f"`**{code}` serves another call, too")


def _with_rate(call: cst.Call, rate: cst.BaseExpression) -> cst.Call:
    first, *others = call.args
    at_first = positional(call)[:1] == [first] or first.keyword is not None
    added = [first, keyword("lr", rate), *others] if at_first else [*call.args, keyword("lr", rate)]
    return with_arguments(call, added)
