"""Turn a comment into the statement that it contains, in the place that the author chose.

# optimizer.zero_grad()
loss.backward()
"""

from collections.abc import Sequence

import libcst as cst

from descend.doctor.codemod.syntax import Syntax

Block = cst.Module | cst.IndentedBlock


def uncomment_statement(syntax: Syntax, block: Block, statement: cst.SimpleStatementLine) -> str | None:
    """Return the source in which the statement replaces a comment that contains it, or None without such a comment."""
    wanted = _without_whitespace(cst.Module([]).code_for_node(statement))
    for i, other in enumerate(block.body):
        lines: Sequence[cst.EmptyLine] = getattr(other, "leading_lines", ())
        at = _comment_index(lines, wanted)
        if at is not None:
            found = statement.with_changes(leading_lines=lines[:at])
            rest = other.with_changes(leading_lines=lines[at + 1 :])
            return _replace_block(
                syntax, block, block.with_changes(body=[*block.body[:i], found, rest, *block.body[i + 1 :]])
            )
    at = _comment_index(block.footer, wanted)
    if at is None:
        return None
    found = statement.with_changes(leading_lines=block.footer[:at])
    return _replace_block(syntax, block, block.with_changes(body=[*block.body, found], footer=block.footer[at + 1 :]))


def _comment_index(lines: Sequence[cst.EmptyLine], wanted: str) -> int | None:
    """Return the index of the comment that contains the statement, or None."""
    texts = [_without_whitespace(line.comment.value.lstrip("#")) if line.comment is not None else "" for line in lines]
    return texts.index(wanted) if wanted in texts else None


def _without_whitespace(code: str) -> str:
    """Return the code without white space, so that two spellings can be compared."""
    return "".join(code.split())


def _replace_block(syntax: Syntax, old: Block, new: Block) -> str:
    """Return the edited source in which the block `new` replaces the block `old`."""
    return new.code if isinstance(new, cst.Module) else syntax.replace(old, new)
