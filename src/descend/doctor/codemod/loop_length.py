"""Find the limit that a loop counts to: N of `range(N)` and of `while step < N`."""

from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.bindings import Loop, names_bound_in
from descend.doctor.codemod.data_source import SAME_BATCHES
from descend.doctor.codemod.names import assigned_value
from descend.doctor.codemod.syntax import Syntax, last_name

BELOW, ABOVE = cst.LessThan | cst.LessThanEqual, cst.GreaterThan | cst.GreaterThanEqual


@dataclass(frozen=True, eq=False)
class LoopLimit:
    """The number that a loop counts to, as an expression, and the number that it starts from."""

    limit: cst.BaseExpression
    first: int = 0


def loop_limit(syntax: Syntax, loop: Loop) -> LoopLimit | None:
    """Return the limit that a loop counts to; None for a loop without a limit, or one that ends with the data."""
    if isinstance(loop, cst.While):
        return _while_limit(syntax, loop, loop.test)
    if _indexes_examples(syntax, loop):
        return None
    return _range_limit(syntax, _range_call(syntax, loop.iter))


def _indexes_examples(syntax: Syntax, loop: cst.For) -> bool:
    """Return whether a loop slices batches by its variable (``X[i:i + 32]``), so that it ends with the data."""
    name = syntax.code(loop.target)
    slices = [part for part in syntax.every(cst.Slice, loop.body) if part.lower is not None]
    if any(read.value == name for part in slices for read in syntax.every(cst.Name, part)):
        return True
    return any(last_name(call.func) in ("len", "size") for call in syntax.every(cst.Call, loop.iter))


def _range_call(syntax: Syntax, series: cst.BaseExpression) -> cst.Call | None:
    """Return the call of ``range`` or ``islice`` that a loop iterates over, also within a progress bar; else None."""
    made = assigned_value(syntax, series) if isinstance(series, cst.Name) else series
    while isinstance(made, cst.Call):
        name = last_name(made.func)
        if name in ("range", "trange") or (name == "islice" and len(made.args) == 2):
            return made
        if name not in SAME_BATCHES | {"enumerate"} or not made.args:
            break
        made = made.args[0].value
    return None


def _range_limit(syntax: Syntax, call: cst.Call | None) -> LoopLimit | None:
    """Return the limit of a call of ``range`` or ``islice``, or None."""
    values = [a.value for a in call.args if a.keyword is None and not a.star] if call is not None else []
    if len(values) == 1:
        return LoopLimit(values[0])
    if call is None or len(values) != 2:
        return None
    first, limit = values
    if last_name(call.func) == "islice":
        return LoopLimit(limit)
    code = syntax.code(first)
    if isinstance(limit, cst.BinaryOperation) and isinstance(limit.operator, cst.Add):
        ends = [side for side in (limit.left, limit.right) if syntax.code(side) != code]
        if len(ends) == 1:  # for example, range(1, N + 1)
            return LoopLimit(ends[0])
    return LoopLimit(limit, int(code) if isinstance(first, cst.Integer) else 0)


def _while_limit(syntax: Syntax, loop: cst.While, test: cst.BaseExpression) -> LoopLimit | None:
    """Return the limit N of a loop ``while step < N`` that changes `step` but not N; None for other loops."""
    if isinstance(test, cst.BooleanOperation) and isinstance(test.operator, cst.And):
        return _while_limit(syntax, loop, test.left) or _while_limit(syntax, loop, test.right)
    if not isinstance(test, cst.Comparison) or len(test.comparisons) != 1:
        return None
    operator, left, right = test.comparisons[0].operator, test.left, test.comparisons[0].comparator
    if not isinstance(operator, BELOW | ABOVE):
        return None
    counter, limit = (left, right) if isinstance(operator, BELOW) else (right, left)
    changing = names_bound_in(syntax, loop)
    names = {syntax.code(node) for node in (*syntax.every(cst.Name, limit), *syntax.every(cst.Attribute, limit))}
    return LoopLimit(limit) if syntax.code(counter) in changing and not names & changing else None
