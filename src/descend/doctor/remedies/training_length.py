"""More passes over the data, or fewer: the number that the outermost training loop counts to, multiplied."""

from dataclasses import dataclass
from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.arguments import written
from descend.doctor.source.bindings import Loop, bound_in
from descend.doctor.source.brackets import OPERAND, bracketed
from descend.doctor.source.callers import training_loop
from descend.doctor.source.literals import follow, is_number
from descend.doctor.source.locate import Place, locate, locate_site
from descend.doctor.source.names import assigned_value, subscript_key
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.series import SAME_BATCHES
from descend.doctor.source.syntax import Syntax, last_name

COUNTED = ("epoch", "step", "iter", "pass", "round", "update")  # a name with one of these counts passes
BELOW, ABOVE = cst.LessThan | cst.LessThanEqual, cst.GreaterThan | cst.GreaterThanEqual


@dataclass(frozen=True, eq=False)
class Count:
    """What a loop counts to, and from where."""

    limit: cst.BaseExpression
    first: int = 0


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
    count = _counted(syntax, loop)
    if count is None:
        return NotApplicable(f"the loop in line {syntax.line(loop)} does not count to a number that could be changed")
    old = follow(syntax, count.limit, script.arguments, _shared(script, record, syntax, count.limit))
    if old is None or not is_number(old):
        return script.edit(syntax.file, syntax.replace(count.limit, _times(dose["times"], count.limit)))
    new = _changed(syntax.code(old), count.first, dose["times"])
    if syntax.code(new) == syntax.code(old):
        return NotApplicable(f"the loop in line {syntax.line(loop)} makes too few passes to make fewer of them")
    return script.edit(syntax.file, syntax.replace(old, new))


def _counted(syntax: Syntax, loop: Loop) -> Count | None:
    if isinstance(loop, cst.While):
        return _counted_while(syntax, loop, loop.test)
    if _walks_examples(syntax, loop):
        return None
    return _of_range(syntax, _range(syntax, loop.iter))


def _walks_examples(syntax: Syntax, loop: cst.For) -> bool:
    """Return whether the loop cuts its batches by its variable (`X[i:i + 32]`): it ends with the data."""
    name = syntax.code(loop.target)
    cuts = [part for part in syntax.every(cst.Slice, loop.body) if part.lower is not None]
    if any(read.value == name for part in cuts for read in syntax.every(cst.Name, part)):
        return True
    return any(last_name(call.func) in ("len", "size") for call in syntax.every(cst.Call, loop.iter))


def _range(syntax: Syntax, series: cst.BaseExpression) -> cst.Call | None:
    """Return the `range(…)` or `islice(…, N)` in a loop's head, also in a progress bar."""
    made = assigned_value(syntax, series) if isinstance(series, cst.Name) else series
    while isinstance(made, cst.Call):
        name = last_name(made.func)
        if name in ("range", "trange") or (name == "islice" and len(made.args) == 2):
            return made
        if name not in SAME_BATCHES | {"enumerate"} or not made.args:
            break
        made = made.args[0].value
    return None


def _of_range(syntax: Syntax, call: cst.Call | None) -> Count | None:
    values = [a.value for a in call.args if a.keyword is None and not a.star] if call is not None else []
    if len(values) == 1:
        return Count(values[0])
    if call is None or len(values) != 2:
        return None
    first, limit = values
    if last_name(call.func) == "islice":
        return Count(limit)
    code = syntax.code(first)
    if isinstance(limit, cst.BinaryOperation) and isinstance(limit.operator, cst.Add):
        ends = [side for side in (limit.left, limit.right) if syntax.code(side) != code]
        if len(ends) == 1:  # range(1, N + 1)
            return Count(ends[0])
    return Count(limit, int(code) if isinstance(first, cst.Integer) else 0)


def _counted_while(syntax: Syntax, loop: cst.While, test: cst.BaseExpression) -> Count | None:
    """Return N of `while step < N`, where the loop changes `step` alone."""
    if isinstance(test, cst.BooleanOperation) and isinstance(test.operator, cst.And):
        return _counted_while(syntax, loop, test.left) or _counted_while(syntax, loop, test.right)
    if not isinstance(test, cst.Comparison) or len(test.comparisons) != 1:
        return None
    operator, left, right = test.comparisons[0].operator, test.left, test.comparisons[0].comparator
    if not isinstance(operator, BELOW | ABOVE):
        return None
    counter, limit = (left, right) if isinstance(operator, BELOW) else (right, left)
    changing = bound_in(syntax, loop)
    names = {syntax.code(node) for node in (*syntax.every(cst.Name, limit), *syntax.every(cst.Attribute, limit))}
    return Count(limit) if syntax.code(counter) in changing and not names & changing else None


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
