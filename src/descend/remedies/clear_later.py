"""Gradients cleared after the step, not between the backward pass and the step.

loss.backward()
optimizer.zero_grad()   # moved below the step
optimizer.step()
"""

from typing import Any

import libcst as cst

from descend.record import Record
from descend.script import Script
from descend.source.moved import block_of, moved_behind
from descend.source.not_applicable import NotApplicable
from descend.source.stepping import find_stepping
from descend.source.syntax import Syntax, last_name

CLEARING = ("zero_grad", "clear_grad")


def clear_later(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Move the `zero_grad()` that stands before the step in its block below it."""
    stepping = find_stepping(script, record, dose.get("optimizer", "0"))
    if isinstance(stepping, NotApplicable):
        return stepping
    syntax, call = stepping.place.syntax, stepping.place.call
    if (found := block_of(syntax, call)) is None:
        return NotApplicable(f"line {syntax.line(call)} is no statement that another could follow")
    block, line = found
    clearing = [statement for statement in block.body[: list(block.body).index(line)] if _clears(syntax, statement)]
    if not clearing:
        return NotApplicable(f"no statement clears the gradients just before the step in line {syntax.line(call)}")
    return script.edit(syntax.file, moved_behind(syntax, block, clearing[-1], line))


def _clears(syntax: Syntax, statement: cst.CSTNode) -> bool:
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return False
    return any(last_name(call.func) in CLEARING for call in syntax.every(cst.Call, statement))
