"""A statement that comes later in its block, with its own comments where they belong."""

from dataclasses import dataclass

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.insert import with_body
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.stepping import find_stepping
from descend.doctor.source.syntax import Syntax

Block = cst.Module | cst.IndentedBlock


@dataclass(frozen=True, eq=False)
class InBlock:
    """The statement that steps, and the block it stands in."""

    syntax: Syntax
    block: Block
    line: cst.SimpleStatementLine

    @property
    def at(self) -> int:
        """Which of the block's statements it is."""
        return list(self.block.body).index(self.line)


def step_in_block(script: Script, record: Record, key: str) -> InBlock | NotApplicable:
    """Return where the optimizer of that key steps, or why no statement could be moved past it."""
    stepping = find_stepping(script, record, key)
    if isinstance(stepping, NotApplicable):
        return stepping
    syntax, call = stepping.place.syntax, stepping.place.call
    line = line_around(syntax, call)
    block = syntax.parents.get(line) if line is not None else None
    if line is None or not isinstance(block, Block):
        return NotApplicable(f"line {syntax.line(call)} is no statement that another could follow")
    return InBlock(syntax, block, line)


def line_around(syntax: Syntax, node: cst.CSTNode) -> cst.SimpleStatementLine | None:
    """Return the line of simple statements that holds the node, or None."""
    return next((outer for outer in syntax.ancestors(node) if isinstance(outer, cst.SimpleStatementLine)), None)


def moved_behind(syntax: Syntax, block: Block, statement: cst.CSTNode, other: cst.CSTNode) -> str:
    """Return the file's text with a statement of the block behind a later one of it."""
    body: list[cst.CSTNode] = list(block.body)
    begin, end = body.index(statement), body.index(other) + 1
    above = [*statement.leading_lines]  # type: ignore[attr-defined]
    first, *between = body[begin + 1 : end]
    kept = first.with_changes(leading_lines=[*above, *first.leading_lines])  # type: ignore[attr-defined]
    moved = statement.with_changes(leading_lines=())
    return with_body(syntax, block, [*body[:begin], kept, *between, moved, *body[end:]])
