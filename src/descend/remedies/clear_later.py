"""Gradients cleared after the step, not between the backward pass and the step.

loss.backward()
optimizer.zero_grad()   # moved below the step
optimizer.step()
"""

from typing import Any

import libcst as cst

from descend.record import Record
from descend.script import Script
from descend.source.insert import with_body
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
    line = next((outer for outer in syntax.ancestors(call) if isinstance(outer, cst.SimpleStatementLine)), None)
    block = syntax.parents.get(line) if line is not None else None
    if line is None or not isinstance(block, cst.Module | cst.IndentedBlock):
        return NotApplicable(f"line {syntax.line(call)} is no statement that another could follow")
    body: list[cst.CSTNode] = list(block.body)
    at = body.index(line)
    clearing = [statement for statement in body[:at] if _clears(syntax, statement)]
    if not clearing:
        return NotApplicable(f"no statement clears the gradients just before the step in line {syntax.line(call)}")
    moved = clearing[-1]
    below = moved.with_changes(leading_lines=())
    first, *between = body[body.index(moved) + 1 : at + 1]
    kept = first.with_changes(leading_lines=[*moved.leading_lines, *first.leading_lines])  # type: ignore[attr-defined]
    text = with_body(syntax, block, [*body[: body.index(moved)], kept, *between, below, *body[at + 1 :]])
    return script.edit(syntax.file, text)


def _clears(syntax: Syntax, statement: cst.CSTNode) -> bool:
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return False
    return any(last_name(call.func) in CLEARING for call in syntax.every(cst.Call, statement))
