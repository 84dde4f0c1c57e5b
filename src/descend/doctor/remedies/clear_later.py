"""Gradients cleared after the step, not between the backward pass and the step.

loss.backward()
optimizer.zero_grad()   # moved below the step
optimizer.step()
"""

from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.moved import moved_behind, step_in_block
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax, last_name

CLEARING = ("zero_grad", "clear_grad")


def clear_later(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Move the `zero_grad()` that stands before the step in its block below it."""
    step = step_in_block(script, record, dose.get("optimizer", "0"))
    if isinstance(step, NotApplicable):
        return step
    syntax = step.syntax
    clearing = [statement for statement in step.block.body[: step.at] if _clears(syntax, statement)]
    if not clearing:
        return NotApplicable(f"no statement clears the gradients just before the step in line {syntax.line(step.line)}")
    return script.edit(syntax.file, moved_behind(syntax, step.block, clearing[-1], step.line))


def _clears(syntax: Syntax, statement: cst.CSTNode) -> bool:
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return False
    return any(last_name(call.func) in CLEARING for call in syntax.every(cst.Call, statement))
