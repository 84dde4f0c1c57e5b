"""A statement that comes later in its block, with its own comments where they belong."""

import libcst as cst

from descend.source.insert import with_body
from descend.source.syntax import Syntax

Block = cst.Module | cst.IndentedBlock


def block_of(syntax: Syntax, call: cst.CSTNode) -> tuple[Block, cst.SimpleStatementLine] | None:
    """Return the block that a call's statement stands in, and that statement; None where it stands by itself."""
    line = next((outer for outer in syntax.ancestors(call) if isinstance(outer, cst.SimpleStatementLine)), None)
    block = syntax.parents.get(line) if line is not None else None
    return (block, line) if line is not None and isinstance(block, Block) else None


def moved_behind(syntax: Syntax, block: Block, statement: cst.CSTNode, other: cst.CSTNode) -> str:
    """Return the file's text with a statement of the block behind a later one of it."""
    body: list[cst.CSTNode] = list(block.body)
    begin, end = body.index(statement), body.index(other) + 1
    above = [*statement.leading_lines]  # type: ignore[attr-defined]
    first, *between = body[begin + 1 : end]
    kept = first.with_changes(leading_lines=[*above, *first.leading_lines])  # type: ignore[attr-defined]
    moved = statement.with_changes(leading_lines=())
    return with_body(syntax, block, [*body[:begin], kept, *between, moved, *body[end:]])
