"""A statement that stands in its block already, but commented out: there it is what its author meant by it.

# optimizer.zero_grad()
loss.backward()
"""

from collections.abc import Sequence

import libcst as cst

from descend.doctor.source.syntax import Syntax

Block = cst.Module | cst.IndentedBlock


def with_uncommented(syntax: Syntax, block: Block, statement: cst.SimpleStatementLine) -> str | None:
    """Return the file's text with the comment of `block` that reads like `statement` made a statement; else None."""
    wanted = _plain(cst.Module([]).code_for_node(statement))
    for i, other in enumerate(block.body):
        lines: Sequence[cst.EmptyLine] = getattr(other, "leading_lines", ())
        at = _index(lines, wanted)
        if at is not None:
            found = statement.with_changes(leading_lines=lines[:at])
            rest = other.with_changes(leading_lines=lines[at + 1 :])
            return _code(syntax, block, block.with_changes(body=[*block.body[:i], found, rest, *block.body[i + 1 :]]))
    at = _index(block.footer, wanted)
    if at is None:
        return None
    found = statement.with_changes(leading_lines=block.footer[:at])
    return _code(syntax, block, block.with_changes(body=[*block.body, found], footer=block.footer[at + 1 :]))


def _index(lines: Sequence[cst.EmptyLine], wanted: str) -> int | None:
    texts = [_plain(line.comment.value.lstrip("#")) if line.comment is not None else "" for line in lines]
    return texts.index(wanted) if wanted in texts else None


def _plain(code: str) -> str:
    """Return a statement without blanks: however it is written, it is the same one."""
    return "".join(code.split())


def _code(syntax: Syntax, old: Block, new: Block) -> str:
    return new.code if isinstance(new, cst.Module) else syntax.replace(old, new)
