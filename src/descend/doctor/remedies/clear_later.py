"""Clear the gradients after the step: move `zero_grad()` from its place between a backward pass and the step.

loss.backward()
optimizer.zero_grad()   # moved below the step
optimizer.step()
"""

import libcst as cst

from descend.doctor.codemod.bindings import loops_around
from descend.doctor.codemod.move_statement import StepStatement, find_step_statement, move_after, move_from_elsewhere
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.record import Record
from descend.doctor.remedies.arguments import OptimizerArguments
from descend.doctor.script.script import Script

CLEARING = ("zero_grad", "clear_grad")


def clear_later(script: Script, record: Record, arguments: OptimizerArguments) -> Script:
    """Move the `zero_grad()` that precedes the optimizer's step to the line after the step."""
    step = find_step_statement(script, record, arguments.optimizer)
    syntax = step.syntax
    clearing = _last_clearing_line(step)
    if clearing is None:
        raise NotApplicable(f"no statement clears the gradients before the step in line {syntax.line(step.line)}")
    move = move_after if clearing in step.block.body else move_from_elsewhere
    return script.edit(syntax.file, move(syntax, step.block, clearing, step.line))


def _last_clearing_line(step: StepStatement) -> cst.SimpleStatementLine | None:
    """Return the last line before a step that only clears the gradients.

    It is in the block of the step, or else in the loop around the step, if the step is made in some passes only.
    """
    syntax, body = step.syntax, list(step.block.body)
    loop = [n for n in loops_around(syntax, step.line)[-1:] if n is not syntax.parents[step.block]]
    for nodes in (body[: step.index], loop):
        lines = [line for node in nodes for line in syntax.every(cst.SimpleStatementLine, node)]
        found = [line for line in lines if _clears_gradients(syntax, line) and line not in body[step.index :]]
        if found:
            return found[-1]
    return None


def _clears_gradients(syntax: Syntax, line: cst.SimpleStatementLine) -> bool:
    """Return whether a line is a single statement that clears the gradients with `zero_grad()`."""
    return len(line.body) == 1 and any(last_name(call.func) in CLEARING for call in syntax.every(cst.Call, line))
