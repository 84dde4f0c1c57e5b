"""Move a statement within its block, together with its comments."""

from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.insert import replace_body
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.optimizer_step import find_step_call
from descend.doctor.codemod.syntax import Syntax
from descend.doctor.record import Record
from descend.doctor.script.script import Script

Block = cst.Module | cst.IndentedBlock


@dataclass(frozen=True, eq=False)
class StepStatement:
    """The statement that calls ``optimizer.step()``, and the block of statements that contains it."""

    syntax: Syntax
    block: Block
    line: cst.SimpleStatementLine

    @property
    def index(self) -> int:
        """The index of the statement among the statements of its block."""
        return list(self.block.body).index(self.line)


def find_step_statement(script: Script, record: Record, key: str) -> StepStatement:
    """Return the statement that steps the optimizer. Raise NotApplicable if statements cannot be moved after it."""
    stepping = find_step_call(script, record, key)
    syntax, call = stepping.place.syntax, stepping.place.call
    line = line_around(syntax, call)
    block = syntax.parents.get(line) if line is not None else None
    if line is None or not isinstance(block, Block):
        raise NotApplicable(f"line {syntax.line(call)} is not a separate statement, so nothing can be moved after it")
    return StepStatement(syntax, block, line)


def line_around(syntax: Syntax, node: cst.CSTNode) -> cst.SimpleStatementLine | None:
    """Return the line of simple statements that contains the node, or None if it is in the header of a block."""
    return next((outer for outer in syntax.ancestors(node) if isinstance(outer, cst.SimpleStatementLine)), None)


def move_after(syntax: Syntax, block: Block, statement: cst.CSTNode, other: cst.CSTNode) -> str:
    """Return the edited source in which a statement follows a later statement of the same block."""
    body: list[cst.CSTNode] = list(block.body)
    begin, end = body.index(statement), body.index(other) + 1
    above = [*statement.leading_lines]  # type: ignore[attr-defined]
    first, *between = body[begin + 1 : end]
    kept = first.with_changes(leading_lines=[*above, *first.leading_lines])  # type: ignore[attr-defined]
    moved = statement.with_changes(leading_lines=())
    return replace_body(syntax, block, [*body[:begin], kept, *between, moved, *body[end:]])


def move_from_elsewhere(syntax: Syntax, block: Block, statement: cst.SimpleStatementLine, other: cst.CSTNode) -> str:
    """Return the edited source in which a statement of another block follows the statement `other` of this block."""
    body: list[cst.CSTNode] = list(block.body)
    after, moved = body.index(other) + 1, statement.with_changes(leading_lines=())

    def insert(old: cst.CSTNode) -> cst.CSTNode:
        """Return the block with the moved statement."""
        body = list(old.body)  # type: ignore[attr-defined]
        return old.with_changes(body=[*body[:after], moved, *body[after:]])

    def remove(old: cst.CSTNode) -> cst.CSTNode:
        """Remove the statement from its former block."""
        return cst.RemoveFromParent()  # type: ignore[return-value]

    return syntax.rewrite({block: insert, statement: remove})


def move_before(syntax: Syntax, block: Block, statement: cst.SimpleStatementLine, other: cst.CSTNode) -> str:
    """Return the edited source in which a statement precedes an earlier statement of the same block."""
    body: list[cst.CSTNode] = list(block.body)
    body.remove(statement)
    body.insert(body.index(other), statement)
    return replace_body(syntax, block, body)
