"""A statement taken away, with the loops and conditions that it was all of, and the comment that was about it."""

from collections.abc import Sequence

import libcst as cst

from descend.doctor.source.insert import with_body
from descend.doctor.source.syntax import Syntax

Line = cst.SimpleStatementLine | cst.SimpleStatementSuite
Lines = Sequence[cst.EmptyLine]


def remove(syntax: Syntax, statement: cst.CSTNode) -> str:
    """Return the file's text without the statement; where a block has to have one, with `pass` instead."""
    gone = statement
    while len(syntax.parents[gone].body) == 1:  # type: ignore[attr-defined]
        block = syntax.parents[gone]
        holder = block if isinstance(block, cst.SimpleStatementLine) else syntax.parents.get(block)
        if isinstance(holder, cst.Else | cst.If) and _is_branch(syntax, holder):
            chain = syntax.parents[holder]
            return syntax.replace(chain, chain.with_changes(orelse=None))
        if holder is None or not _can_go(syntax, holder):
            return syntax.replace(gone, _nothing(gone))
        gone = holder
    block = syntax.parents[gone]
    body: list[cst.CSTNode] = list(block.body)  # type: ignore[attr-defined]
    at = body.index(gone)
    if isinstance(block, Line):
        kept = [*body[:at], *body[at + 1 :]]
        kept[-1] = kept[-1].with_changes(semicolon=cst.MaybeSentinel.DEFAULT)
        return syntax.replace(block, block.with_changes(body=kept))
    assert isinstance(block, cst.Module | cst.IndentedBlock)
    following = [_below(gone, other, is_first=at == 0) for other in body[at + 1 : at + 2]]
    return with_body(syntax, block, [*body[:at], *following, *body[at + 2 :]])


def _is_branch(syntax: Syntax, holder: cst.Else | cst.If) -> bool:
    """Return whether it is the last `else:` or `elif` of something, that can go for itself."""
    is_last = isinstance(holder, cst.Else) or holder.orelse is None
    return is_last and getattr(syntax.parents[holder], "orelse", None) is holder


def _can_go(syntax: Syntax, holder: cst.CSTNode) -> bool:
    if isinstance(holder, cst.For | cst.While | cst.If):
        return holder.orelse is None
    return isinstance(holder, cst.With | cst.SimpleStatementLine)


def _nothing(gone: cst.CSTNode) -> cst.CSTNode:
    if isinstance(gone, cst.BaseSmallStatement):
        return cst.Pass()
    lines = gone.leading_lines  # type: ignore[attr-defined]
    return cst.SimpleStatementLine([cst.Pass()], leading_lines=lines)


def _below(gone: cst.CSTNode, other: cst.CSTNode, *, is_first: bool) -> cst.CSTNode:
    """Return the statement that moves up, under the blank lines of the one above it that was gone."""
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
