"""Step the scheduler once an epoch: move its step from the loop over batches to the end of the epoch.

The epoch ends at the end of the outer loop's body. In a function that is called once an epoch, the epoch ends after
the loop over batches.
"""

import libcst as cst

from descend.doctor.codemod.bindings import Loop, loops_around, names_bound_in
from descend.doctor.codemod.callers import call_chain
from descend.doctor.codemod.functions import function_around
from descend.doctor.codemod.locate import Place, locate
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.syntax import Change, Syntax, last_name
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedies.arguments import SchedulerArguments
from descend.doctor.script.script import Script

Line = cst.SimpleStatementLine | cst.SimpleStatementSuite


def step_per_epoch(script: Script, record: Record, arguments: SchedulerArguments) -> Script:
    """Move `scheduler.step()` from the loop over batches to the end of the loop over epochs."""
    place = locate(script, record, SiteKind.SCHEDULER_STEP, arguments.scheduler)
    syntax, statement = place.syntax, place.syntax.parents[place.call]
    line = syntax.line(place.call)
    if last_name(place.call.func) != "step":
        raise NotApplicable(place.indirect_call_message)
    if not isinstance(statement, cst.Expr):
        raise NotApplicable(f"line {line} does more than step the scheduler")
    loops = _loops_in_function(place)
    if not loops or (len(loops) == 1 and not _is_called_in_loop(syntax, loops[0])):
        raise NotApplicable(f"line {line} is not in a loop over batches inside a loop over epochs")
    inner = loops[-1]
    moved = _node_to_move(syntax, statement, inner)
    block, epoch = syntax.parents[moved], loops[-2].body if len(loops) > 1 else syntax.parents[inner]
    end = len(_statements(epoch)) if len(loops) > 1 else _statements(epoch).index(inner) + 1
    changes: dict[cst.CSTNode, Change] = {
        block: lambda now: _without_statement(now, _statements(block).index(moved)),
        epoch: lambda now: _with_statement(now, end, moved),
    }
    return script.edit(syntax.file, syntax.rewrite(changes))


def _is_called_in_loop(syntax: Syntax, loop: Loop) -> bool:
    """Return whether the function that contains this loop is itself called in a loop, such as once in each epoch."""
    _, *callers = call_chain(syntax, loop)
    return any(loops_around(syntax, caller) for caller in callers)


def _loops_in_function(place: Place) -> list[Loop]:
    """Return the loops around the call within its own function, the outermost loop first."""
    home = function_around(place.syntax, place.call)
    loops = loops_around(place.syntax, place.call)
    return [loop for loop in loops if function_around(place.syntax, loop) == home]


def _node_to_move(syntax: Syntax, statement: cst.Expr, inner: Loop) -> cst.CSTNode:
    """Return the largest code that contains only the scheduler's step: a statement, a line, or an `if` around it."""
    moved: cst.CSTNode = statement
    while len(_statements(holder := syntax.parents[moved])) == 1:
        if isinstance(holder, cst.SimpleStatementLine):
            moved = holder
            continue
        condition = syntax.parents[holder]
        is_alone = isinstance(condition, cst.If) and condition.orelse is None
        if not isinstance(condition, cst.If) or not is_alone or isinstance(syntax.parents[condition], cst.If):
            raise NotApplicable(f"line {syntax.line(statement)} is the only statement in its block")
        names = {name.value for name in syntax.every(cst.Name, condition.test)}
        if names & names_bound_in(syntax, inner):
            raise NotApplicable(f"line {syntax.line(condition)} decides for each batch whether to step the scheduler")
        moved = condition
    return moved


def _statements(block: cst.CSTNode) -> list[cst.CSTNode]:
    """Return the statements in a block, a line or a file."""
    assert isinstance(block, cst.BaseSuite | cst.SimpleStatementLine | cst.Module)
    return list(block.body)


def _without_statement(block: cst.CSTNode, at: int) -> cst.CSTNode:
    """Return the block without the statement at index `at`."""
    body = _statements(block)
    del body[at]
    if isinstance(block, Line):
        body[-1] = body[-1].with_changes(semicolon=cst.MaybeSentinel.DEFAULT)
    return block.with_changes(body=body)


def _with_statement(block: cst.CSTNode, at: int, moved: cst.CSTNode) -> cst.CSTNode:
    """Return the block with the moved statement inserted at index `at`."""
    body = _statements(block)
    return block.with_changes(body=[*body[:at], _as_line(moved), *body[at:]])


def _as_line(moved: cst.CSTNode) -> cst.CSTNode:
    """Return the moved statement as a separate line, without the blank lines above it."""
    if isinstance(moved, cst.BaseSmallStatement):
        return cst.SimpleStatementLine([moved.with_changes(semicolon=cst.MaybeSentinel.DEFAULT)])
    lines = moved.leading_lines  # type: ignore[attr-defined]
    return moved.with_changes(leading_lines=[line for line in lines if line.comment is not None])
