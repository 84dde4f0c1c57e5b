"""The schedule stepped once an epoch: its step moved from the loop over batches to the end of the epoch.

The epoch ends with the body of the outer loop, or, in a function that is called for each epoch, with the loop
over batches itself.
"""

from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.bindings import Loop, bound_in, loops_around
from descend.doctor.source.callers import way_out
from descend.doctor.source.functions import function_around
from descend.doctor.source.locate import Place, locate
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Change, Syntax, last_name

Line = cst.SimpleStatementLine | cst.SimpleStatementSuite


def step_per_epoch(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Move `scheduler.step()` out of the loop that it stands in, to the end of the loop around that. No dose."""
    place = locate(script, record, "scheduler_step", dose.get("scheduler", "0"))
    if isinstance(place, NotApplicable):
        return place
    syntax, statement = place.syntax, place.syntax.parents[place.call]
    line = syntax.line(place.call)
    if last_name(place.call.func) != "step":
        return NotApplicable(place.inside)
    if not isinstance(statement, cst.Expr):
        return NotApplicable(f"line {line} does more than to step the schedule")
    loops = _loops_here(place)
    if not loops or (len(loops) == 1 and not _is_called_in_loop(syntax, loops[0])):
        return NotApplicable(f"line {line} stands in no loop over batches inside a loop over epochs")
    inner = loops[-1]
    moved = _moved(syntax, statement, inner)
    if isinstance(moved, NotApplicable):
        return moved
    block, epoch = syntax.parents[moved], loops[-2].body if len(loops) > 1 else syntax.parents[inner]
    end = len(_statements(epoch)) if len(loops) > 1 else _statements(epoch).index(inner) + 1
    changes: dict[cst.CSTNode, Change] = {
        block: lambda now: _without(now, _statements(block).index(moved)),
        epoch: lambda now: _with(now, end, moved),
    }
    return script.edit(syntax.file, syntax.rewrite(changes))


def _is_called_in_loop(syntax: Syntax, loop: Loop) -> bool:
    """Return whether the function of this loop is called for each epoch."""
    _, *callers = way_out(syntax, loop)
    return any(loops_around(syntax, caller) for caller in callers)


def _loops_here(place: Place) -> list[Loop]:
    """Return the loops around the call in its own function, the outermost first."""
    home = function_around(place.syntax, place.call)
    loops = loops_around(place.syntax, place.call)
    return [loop for loop in loops if function_around(place.syntax, loop) == home]


def _moved(syntax: Syntax, statement: cst.Expr, inner: Loop) -> cst.CSTNode | NotApplicable:
    """Return what moves: the statement, its line, or the condition that is about it alone."""
    moved: cst.CSTNode = statement
    while len(_statements(holder := syntax.parents[moved])) == 1:
        if isinstance(holder, cst.SimpleStatementLine):
            moved = holder
            continue
        condition = syntax.parents[holder]
        is_alone = isinstance(condition, cst.If) and condition.orelse is None
        if not isinstance(condition, cst.If) or not is_alone or isinstance(syntax.parents[condition], cst.If):
            return NotApplicable(f"line {syntax.line(statement)} is all that its block does")
        names = {name.value for name in syntax.every(cst.Name, condition.test)}
        if names & bound_in(syntax, inner):
            return NotApplicable(
                f"line {syntax.line(condition)} decides for each batch whether the schedule is stepped"
            )
        moved = condition
    return moved


def _statements(block: cst.CSTNode) -> list[cst.CSTNode]:
    assert isinstance(block, cst.BaseSuite | cst.SimpleStatementLine | cst.Module)
    return list(block.body)


def _without(block: cst.CSTNode, at: int) -> cst.CSTNode:
    body = _statements(block)
    del body[at]
    if isinstance(block, Line):
        body[-1] = body[-1].with_changes(semicolon=cst.MaybeSentinel.DEFAULT)
    return block.with_changes(body=body)


def _with(block: cst.CSTNode, at: int, moved: cst.CSTNode) -> cst.CSTNode:
    body = _statements(block)
    return block.with_changes(body=[*body[:at], _as_line(moved), *body[at:]])


def _as_line(moved: cst.CSTNode) -> cst.CSTNode:
    if isinstance(moved, cst.BaseSmallStatement):
        return cst.SimpleStatementLine([moved.with_changes(semicolon=cst.MaybeSentinel.DEFAULT)])
    lines = moved.leading_lines  # type: ignore[attr-defined]
    return moved.with_changes(leading_lines=[line for line in lines if line.comment is not None])
