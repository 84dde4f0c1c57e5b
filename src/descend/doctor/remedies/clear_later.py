"""Move `zero_grad()` from between the backward pass and the step to after the step.

loss.backward()
optimizer.zero_grad()   # moved below the step
optimizer.step()
"""

import libcst as cst

from descend.doctor.codemod.move_statement import find_step_statement, move_after
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.record import Record
from descend.doctor.remedies.arguments import OptimizerArguments
from descend.doctor.script.script import Script

CLEARING = ("zero_grad", "clear_grad")


def clear_later(script: Script, record: Record, arguments: OptimizerArguments) -> Script:
    """Move the last `zero_grad()` above the optimizer's step in the same block to the line after the step."""
    step = find_step_statement(script, record, arguments.optimizer)
    syntax = step.syntax
    clearing = [statement for statement in step.block.body[: step.index] if _is_clearing_line(syntax, statement)]
    if not clearing:
        raise NotApplicable(f"no statement clears the gradients before the step in line {syntax.line(step.line)}")
    return script.edit(syntax.file, move_after(syntax, step.block, clearing[-1], step.line))


def _is_clearing_line(syntax: Syntax, statement: cst.CSTNode) -> bool:
    """Return whether a line is a single statement that clears the gradients with `zero_grad()`."""
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return False
    return any(last_name(call.func) in CLEARING for call in syntax.every(cst.Call, statement))
