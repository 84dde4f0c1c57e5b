"""Remove a statement, with loops and conditions that contain nothing else, and with the comment that describes it."""

from collections.abc import Sequence

import libcst as cst

from descend.doctor.codemod.insert import replace_body
from descend.doctor.codemod.syntax import Syntax

Line = cst.SimpleStatementLine | cst.SimpleStatementSuite
Lines = Sequence[cst.EmptyLine]


def remove_statement(syntax: Syntax, statement: cst.CSTNode) -> str:
    """Return the edited source without the statement; an empty block is removed as well, or gets a ``pass``."""
    gone = statement
    while len(syntax.parents[gone].body) == 1:  # type: ignore[attr-defined]
        block = syntax.parents[gone]
        holder = block if isinstance(block, cst.SimpleStatementLine) else syntax.parents.get(block)
        if isinstance(holder, cst.Else | cst.If) and _is_last_branch(syntax, holder):
            chain = syntax.parents[holder]
            return syntax.replace(chain, chain.with_changes(orelse=None))
        if holder is None or not _is_removable(syntax, holder):
            return syntax.replace(gone, _pass_statement(gone))
        gone = holder
    block = syntax.parents[gone]
    body: list[cst.CSTNode] = list(block.body)  # type: ignore[attr-defined]
    at = body.index(gone)
    if isinstance(block, Line):
        kept = [*body[:at], *body[at + 1 :]]
        kept[-1] = kept[-1].with_changes(semicolon=cst.MaybeSentinel.DEFAULT)
        return syntax.replace(block, block.with_changes(body=kept))
    assert isinstance(block, cst.Module | cst.IndentedBlock)
    following = [_with_joined_comments(gone, other, is_first=at == 0) for other in body[at + 1 : at + 2]]
    return replace_body(syntax, block, [*body[:at], *following, *body[at + 2 :]])


def _is_last_branch(syntax: Syntax, holder: cst.Else | cst.If) -> bool:
    """Return whether the node is the last ``else`` or ``elif`` branch of a statement, which can be removed alone."""
    is_last = isinstance(holder, cst.Else) or holder.orelse is None
    return is_last and getattr(syntax.parents[holder], "orelse", None) is holder


def _is_removable(syntax: Syntax, holder: cst.CSTNode) -> bool:
    """Return whether a compound statement can be removed together with the only statement in it."""
    if isinstance(holder, cst.For | cst.While | cst.If):
        return holder.orelse is None
    return isinstance(holder, cst.With | cst.SimpleStatementLine)


def _pass_statement(gone: cst.CSTNode) -> cst.CSTNode:
    """Return a ``pass`` statement in place of the removed statement, with its comments."""
    if isinstance(gone, cst.BaseSmallStatement):
        return cst.Pass()
    lines = gone.leading_lines  # type: ignore[attr-defined]
    return cst.SimpleStatementLine([cst.Pass()], leading_lines=lines)


def _with_joined_comments(gone: cst.CSTNode, other: cst.CSTNode, *, is_first: bool) -> cst.CSTNode:
    """Return `other`, the statement after the removed one, with the comments and blank lines of both above it."""
    above: Lines = gone.leading_lines  # type: ignore[attr-defined]
    lines: Lines = other.leading_lines  # type: ignore[attr-defined]
    blank = max((i + 1 for i, line in enumerate(above) if line.comment is None), default=0)
    is_paragraph = bool(lines) and lines[0].comment is None
    kept = list(above[:blank] if is_paragraph else above)
    if is_paragraph:
        while kept and kept[-1].comment is None:
            kept.pop()
    joined = [*kept, *lines]
    while is_first and joined and joined[0].comment is None:
        joined.pop(0)
    return other.with_changes(leading_lines=joined)
