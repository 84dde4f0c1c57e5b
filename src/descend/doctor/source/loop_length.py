"""What a loop counts to: the N of `range(N)` and of `while step < N`."""

from dataclasses import dataclass

import libcst as cst

from descend.doctor.source.bindings import Loop, bound_in
from descend.doctor.source.names import assigned_value
from descend.doctor.source.series import SAME_BATCHES
from descend.doctor.source.syntax import Syntax, last_name

BELOW, ABOVE = cst.LessThan | cst.LessThanEqual, cst.GreaterThan | cst.GreaterThanEqual


@dataclass(frozen=True, eq=False)
class Count:
    """What a loop counts to, and from where."""

    limit: cst.BaseExpression
    first: int = 0


def counted(syntax: Syntax, loop: Loop) -> Count | None:
    """Return what the loop counts to; None where it counts to nothing, or cuts batches by what it counts."""
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
