"""More passes over the data, or fewer: the number that the outermost training loop counts to, multiplied."""

from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.arguments import written
from descend.doctor.source.brackets import OPERAND, bracketed
from descend.doctor.source.callers import training_loop
from descend.doctor.source.literals import follow, is_number
from descend.doctor.source.locate import Place, locate, locate_site
from descend.doctor.source.loop_length import counted
from descend.doctor.source.names import assigned_value, subscript_key
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax, last_name

COUNTED = ("epoch", "step", "iter", "pass", "round", "update")  # a name with one of these counts passes


def training_length(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Make the training loop run `dose["times"]` times as often.

    A schedule with a length of its own (`CosineAnnealingLR(optimizer, 10)`) keeps it, unless both lengths come
    from one number.
    """
    key = dose.get("optimizer", "0")
    place = locate(script, record, "step", key)
    if isinstance(place, NotApplicable):
        return place
    syntax, made = place.syntax, locate(script, record, "optimizer", key)
    is_here = isinstance(made, Place) and made.syntax is syntax
    loop = training_loop(syntax, place.call, made.call if isinstance(made, Place) and is_here else None)
    if loop is None:
        return NotApplicable(f"no loop is found around the optimizer's step in line {syntax.line(place.call)}")
    count = counted(syntax, loop)
    if count is None:
        return NotApplicable(f"the loop in line {syntax.line(loop)} does not count to a number that could be changed")
    old = follow(syntax, count.limit, script.arguments, _shared(script, record, syntax, count.limit))
    if old is None or not is_number(old):
        return script.edit(syntax.file, syntax.replace(count.limit, _times(dose["times"], count.limit)))
    new = _changed(syntax.code(old), count.first, dose["times"])
    if syntax.code(new) == syntax.code(old):
        return NotApplicable(f"the loop in line {syntax.line(loop)} makes too few passes to make fewer of them")
    return script.edit(syntax.file, syntax.replace(old, new))


def _shared(script: Script, record: Record, syntax: Syntax, limit: cst.BaseExpression) -> list[cst.CSTNode]:
    """Return where else the number may be read: anywhere by a telling name, in the schedule by any."""
    name = subscript_key(limit) if isinstance(limit, cst.Subscript) else last_name(limit)
    if any(word in (name or "").lower() for word in COUNTED):
        return [syntax.module]
    places = [locate_site(script, site) for site in record.sites if site.kind == "scheduler"]
    calls = [place.call for place in places if isinstance(place, Place) and place.syntax is syntax]
    names = [name for call in calls for name in syntax.every(cst.Name, call)]
    return [*calls, *(value for name in names if (value := assigned_value(syntax, name)) is not None)]


def _changed(code: str, first: int, times: float) -> cst.BaseExpression:
    passes = float(code.replace("_", "")) - first
    return written(first + max(1, round(times * passes)))


def _times(times: float, limit: cst.BaseExpression) -> cst.BaseExpression:
    product = cst.BinaryOperation(written(times), cst.Multiply(), bracketed(limit, OPERAND))
    whole = product if isinstance(times, int) else cst.Call(cst.Name("round"), [cst.Arg(product)])
    return whole if times >= 1 else cst.Call(cst.Name("max"), [cst.Arg(cst.Integer("1")), cst.Arg(whole)])
