"""The step behind the backward pass that it is for.

optimizer.zero_grad()
optimizer.step()        # moved below the backward pass
loss.backward()
"""

from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.backward_pass import BEFORE_STEP, is_backward
from descend.doctor.source.moved import moved_behind, step_in_block
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax, last_name


def step_later(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Move the step that stands before the backward pass of its block behind it, and behind what clips gradients."""
    step = step_in_block(script, record, dose.get("optimizer", "0"))
    if isinstance(step, NotApplicable):
        return step
    syntax, behind = step.syntax, list(step.block.body)[step.at + 1 :]
    passes = [statement for statement in behind if _calls_a_pass(syntax, statement)]
    if not passes:
        return NotApplicable(f"no backward pass stands below the step in line {syntax.line(step.line)}")
    prepared = [s for s in behind if any(last_name(c.func) in BEFORE_STEP for c in syntax.every(cst.Call, s))]
    last = max([passes[0], *prepared], key=behind.index)
    return script.edit(syntax.file, moved_behind(syntax, step.block, step.line, last))


def _calls_a_pass(syntax: Syntax, statement: cst.CSTNode) -> bool:
    return isinstance(statement, cst.SimpleStatementLine) and any(map(is_backward, syntax.every(cst.Call, statement)))
