"""Change the number of passes over the data: multiply the number to which the outermost training loop counts."""

from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.arguments import literal_expression
from descend.doctor.codemod.callers import training_loop
from descend.doctor.codemod.literals import find_literal, is_number
from descend.doctor.codemod.locate import locate, locate_site
from descend.doctor.codemod.loop_length import loop_limit
from descend.doctor.codemod.names import assigned_value, subscript_key
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.codemod.parentheses import OPERAND, parenthesize
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script

# parts of the names of variables that hold a number of epochs or steps
COUNTED = ("epoch", "step", "iter", "pass", "round", "update")


@dataclass(frozen=True)
class TrainingLengthArguments:
    """Arguments of the remedy `training_length`, which makes the training longer or shorter."""

    times: float  # new number of passes over the data divided by the old one
    optimizer: str = "0"  # index of the optimizer in the script, as a string: "0" for the first


def training_length(script: Script, record: Record, arguments: TrainingLengthArguments) -> Script:
    """Multiply the number of iterations of the outermost training loop, such as the number of epochs.

    A schedule with its own length (`CosineAnnealingLR(optimizer, 10)`) keeps that length, unless both lengths come
    from one number.
    """
    key = arguments.optimizer
    place = locate(script, record, SiteKind.STEP, key)
    syntax, made = place.syntax, if_applicable(locate, script, record, SiteKind.OPTIMIZER, key)
    loop = training_loop(syntax, place.call, made.call if made is not None and made.syntax is syntax else None)
    if loop is None:
        raise NotApplicable(f"no loop was found around the optimizer's step in line {syntax.line(place.call)}")
    count = loop_limit(syntax, loop)
    if count is None:
        raise NotApplicable(f"the loop in line {syntax.line(loop)} does not count up to a number that can be changed")
    old = find_literal(
        syntax, count.limit, script.arguments, _code_with_same_limit(script, record, syntax, count.limit)
    )
    if old is None or not is_number(old):
        return script.edit(syntax.file, syntax.replace(count.limit, _multiplied_limit(arguments.times, count.limit)))
    new = _new_limit(syntax.code(old), count.first, arguments.times)
    if syntax.code(new) == syntax.code(old):
        raise NotApplicable(f"the loop in line {syntax.line(loop)} makes too few passes to be shortened")
    return script.edit(syntax.file, syntax.replace(old, new))


def _code_with_same_limit(
    script: Script, record: Record, syntax: Syntax, limit: cst.BaseExpression
) -> list[cst.CSTNode]:
    """Return the code in which the loop's limit may change everywhere: the whole file, or only scheduler calls."""
    name = subscript_key(limit) if isinstance(limit, cst.Subscript) else last_name(limit)
    if any(word in (name or "").lower() for word in COUNTED):
        return [syntax.module]
    places = [if_applicable(locate_site, script, site) for site in record.sites if site.kind == SiteKind.SCHEDULER]
    calls = [place.call for place in places if place is not None and place.syntax is syntax]
    names = [name for call in calls for name in syntax.every(cst.Name, call)]
    return [*calls, *(value for name in names if (value := assigned_value(syntax, name)) is not None)]


def _new_limit(code: str, first: int, times: float) -> cst.BaseExpression:
    """Return the loop's new limit as a number, which multiplies its iterations by `times` and leaves at least one."""
    passes = float(code.replace("_", "")) - first
    return literal_expression(first + max(1, round(times * passes)))


def _multiplied_limit(times: float, limit: cst.BaseExpression) -> cst.BaseExpression:
    """Return an expression for the loop's new limit, such as `round(1.5 * epochs)`, which is at least 1."""
    product = cst.BinaryOperation(literal_expression(times), cst.Multiply(), parenthesize(limit, OPERAND))
    whole = product if isinstance(times, int) else cst.Call(cst.Name("round"), [cst.Arg(product)])
    return whole if times >= 1 else cst.Call(cst.Name("max"), [cst.Arg(cst.Integer("1")), cst.Arg(whole)])
