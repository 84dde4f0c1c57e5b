"""Puts a statement before or after the one that holds a node, in its block, indentation and line ends."""

from collections.abc import Sequence

import libcst as cst

from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax
from descend.doctor.source.uncomment import with_uncommented

Line = cst.SimpleStatementLine | cst.SimpleStatementSuite  # `a; b` on a line of its own, or after a colon
FITS = (
    "standardise_inputs(",
    "standardise_targets(",
    "whiten_inputs(",
)  # parts of descend.network that are fitted before the loop
New = cst.SimpleStatementLine | cst.With
SEMICOLON = cst.Semicolon(whitespace_after=cst.SimpleWhitespace(" "))


def insert_before(syntax: Syntax, node: cst.CSTNode, *code: str) -> str | NotApplicable:
    """Return the file's text with the statements `code`, simple ones or `with`, before the one that holds `node`."""
    return _insert(syntax, node, code, after=False)


def insert_after(syntax: Syntax, node: cst.CSTNode, *code: str) -> str | NotApplicable:
    """Return the file's text with the simple statements `code` after the statement that holds `node`."""
    line, statement = syntax.line(node), _small_statement(syntax, node)
    if statement is None:
        return NotApplicable(f"line {line} is the head of a block: nothing can follow it there")
    if isinstance(statement, cst.Return | cst.Raise):
        return NotApplicable(f"line {line} leaves the function: nothing can follow it")
    if any(isinstance(outer, cst.BaseComp) for outer in syntax.ancestors(node)):
        return NotApplicable(f"the call in line {line} stands in a comprehension")
    return _insert(syntax, node, code, after=True)


def insert_after_block(syntax: Syntax, compound: cst.BaseCompoundStatement, code: str) -> str:
    """Return the file's text with the simple statement `code` behind a loop or another compound statement."""
    block = cst.ensure_type(syntax.parents[compound], cst.Module | cst.IndentedBlock)  # type: ignore[arg-type]
    statements: list[cst.CSTNode] = list(block.body)
    at = statements.index(compound) + 1
    return with_body(syntax, block, [*statements[:at], _statement(code), *statements[at:]])


def _insert(syntax: Syntax, node: cst.CSTNode, code: Sequence[str], *, after: bool) -> str | NotApplicable:
    if any(isinstance(outer, cst.Lambda) for outer in syntax.ancestors(node)):
        return NotApplicable(f"the call in line {syntax.line(node)} stands in a lambda")
    new = [_statement(statement) for statement in code]
    small = _small_statement(syntax, node)
    line = syntax.parents[small] if small is not None else None
    if small is not None and isinstance(line, Line) and _holds_several(line):
        simple = [statement.body[0] for statement in new if isinstance(statement, cst.SimpleStatementLine)]
        if len(simple) < len(new):
            return NotApplicable(f"line {syntax.line(node)} holds several statements")
        body = _beside(line.body, small, simple, after)
        return syntax.replace(line, line.with_changes(body=body))
    return _insert_line(syntax, node, new, after)


def _statement(code: str) -> New:
    statement = cst.parse_statement(code)
    assert isinstance(statement, New)
    return statement


def _holds_several(line: Line) -> bool:
    return isinstance(line, cst.SimpleStatementSuite) or len(line.body) > 1


def _small_statement(syntax: Syntax, node: cst.CSTNode) -> cst.BaseSmallStatement | None:
    """Return the simple statement that holds the node; None when it is in the head of a block."""
    for outer in (node, *syntax.ancestors(node)):
        if isinstance(outer, cst.BaseSmallStatement):
            return outer
        if isinstance(outer, cst.BaseStatement):
            break
    return None


def _beside(
    body: Sequence[cst.BaseSmallStatement],
    statement: cst.BaseSmallStatement,
    new: Sequence[cst.BaseSmallStatement],
    after: bool,
) -> list[cst.BaseSmallStatement]:
    at = list(body).index(statement)
    *others, last = [statement, *new] if after else [*new, statement]
    together = [
        *(s.with_changes(semicolon=SEMICOLON) for s in others),
        last.with_changes(semicolon=statement.semicolon),
    ]
    return [*body[:at], *together, *body[at + 1 :]]


def _insert_line(syntax: Syntax, node: cst.CSTNode, new: Sequence[New], after: bool) -> str | NotApplicable:
    inner = node
    for block in syntax.ancestors(node):
        if isinstance(block, cst.Module | cst.IndentedBlock):
            break
        inner = block
    else:
        return NotApplicable(f"line {syntax.line(node)} has no statement that could be extended")
    only = new[0] if len(new) == 1 and isinstance(new[0], cst.SimpleStatementLine) else None
    if only is not None and (text := with_uncommented(syntax, block, only)) is not None:
        return text
    statements: list[cst.CSTNode] = list(block.body)
    at = statements.index(inner)
    if after:
        return with_body(syntax, block, [*statements[: at + 1], *new, *statements[at + 1 :]])
    while at and _is_fit(before := syntax.code(statements[at - 1]).strip()) and before > syntax.code(new[0]):
        at -= 1  # whatever order remedies come in, their statements before a loop lie in one
    return with_body(syntax, block, [*statements[:at], *above(statements[at], *new), *statements[at + 1 :]])


def _is_fit(code: str) -> bool:
    return code.startswith(FITS)


def above(statement: cst.CSTNode, *new: New) -> list[cst.CSTNode]:
    """Return the statements, the new ones first: comments stay with theirs, blank lines stay on top."""
    lines: Sequence[cst.EmptyLine] = statement.leading_lines  # type: ignore[attr-defined]
    blank = max((i + 1 for i, line in enumerate(lines) if line.comment is None), default=0)
    first, *others = new
    return [
        first.with_changes(leading_lines=lines[:blank]),
        *others,
        statement.with_changes(leading_lines=lines[blank:]),
    ]


def without_line(syntax: Syntax, statement: cst.BaseSmallStatement) -> str | None:
    """Return the file's text without the line of that statement; None where something has to stand there."""
    line = syntax.parents[statement]
    block = syntax.parents[line]
    if not isinstance(line, cst.SimpleStatementLine) or not isinstance(block, cst.Module | cst.IndentedBlock):
        return None
    if len(line.body) > 1 or len(block.body) == 1:
        return None
    statements: list[cst.CSTNode] = list(block.body)
    at = statements.index(line)
    following = [
        other.with_changes(leading_lines=[*line.leading_lines, *other.leading_lines])  # type: ignore[attr-defined]
        for other in statements[at + 1 : at + 2]
    ]
    return with_body(syntax, block, [*statements[:at], *following, *statements[at + 2 :]])


def with_body(syntax: Syntax, block: cst.Module | cst.IndentedBlock, body: Sequence[cst.CSTNode]) -> str:
    """Return the file's text with `body` as the statements of `block`."""
    changed = block.with_changes(body=body)
    return changed.code if isinstance(changed, cst.Module) else syntax.replace(block, changed)
