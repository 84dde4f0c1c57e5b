"""Move the optimizer step after the backward pass.

optimizer.zero_grad()
optimizer.step()        # moved below the backward pass
loss.backward()
"""

import libcst as cst

from descend.doctor.codemod.backward_pass import GRADIENT_PREPARATION, is_backward_call
from descend.doctor.codemod.move_statement import find_step_statement, move_after
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.record import Record
from descend.doctor.remedies.arguments import OptimizerArguments
from descend.doctor.script.script import Script


def step_later(script: Script, record: Record, arguments: OptimizerArguments) -> Script:
    """Move the optimizer's step from above the backward pass to below it, and below any gradient clipping."""
    step = find_step_statement(script, record, arguments.optimizer)
    syntax, later = step.syntax, list(step.block.body)[step.index + 1 :]
    passes = [statement for statement in later if _is_backward_line(syntax, statement)]
    if not passes:
        raise NotApplicable(f"no backward pass follows the step in line {syntax.line(step.line)}")
    prepared = [s for s in later if any(last_name(c.func) in GRADIENT_PREPARATION for c in syntax.every(cst.Call, s))]
    last = max([passes[0], *prepared], key=later.index)
    return script.edit(syntax.file, move_after(syntax, step.block, step.line, last))


def _is_backward_line(syntax: Syntax, statement: cst.CSTNode) -> bool:
    """Return whether a statement is a simple line that calls a backward pass."""
    return isinstance(statement, cst.SimpleStatementLine) and any(
        map(is_backward_call, syntax.every(cst.Call, statement))
    )
