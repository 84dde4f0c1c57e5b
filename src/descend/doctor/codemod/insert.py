"""Insert statements before or after the statement that contains a node, in its block and indentation."""

from collections.abc import Sequence

import libcst as cst

from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.syntax import Syntax
from descend.doctor.codemod.uncomment import uncomment_statement

# a line of simple statements, `a; b`, or the statements after the colon in `if c: a; b`
SimpleLine = cst.SimpleStatementLine | cst.SimpleStatementSuite
# Patches call these functions before the training loop; the calls are kept in alphabetical order.
FITTING_CALLS = (
    "standardise_inputs(",
    "standardise_targets(",
    "whiten_inputs(",
)
NewStatement = cst.SimpleStatementLine | cst.With
SEMICOLON = cst.Semicolon(whitespace_after=cst.SimpleWhitespace(" "))


def insert_before(syntax: Syntax, node: cst.CSTNode, *code: str) -> str:
    """Return the edited source with new statements before the statement that contains the node."""
    return _insert(syntax, node, code, after=False)


def insert_after(syntax: Syntax, node: cst.CSTNode, *code: str) -> str:
    """Return the edited source with new simple statements after the statement that contains the node."""
    line, statement = syntax.line(node), _small_statement(syntax, node)
    if statement is None:
        raise NotApplicable(f"line {line} is the header of a block, so no statement can follow it")
    if isinstance(statement, cst.Return | cst.Raise):
        raise NotApplicable(f"line {line} leaves the function, so no statement can follow it")
    if any(isinstance(outer, cst.BaseComp) for outer in syntax.ancestors(node)):
        raise NotApplicable(f"the call in line {line} is in a comprehension")
    return _insert(syntax, node, code, after=True)


def insert_after_block(syntax: Syntax, compound: cst.BaseCompoundStatement, code: str) -> str:
    """Return the edited source with a new simple statement after a compound statement, such as a loop."""
    block = cst.ensure_type(syntax.parents[compound], cst.Module | cst.IndentedBlock)  # type: ignore[arg-type]
    statements: list[cst.CSTNode] = list(block.body)
    at = statements.index(compound) + 1
    return replace_body(syntax, block, [*statements[:at], _parse_statement(code), *statements[at:]])


def _insert(syntax: Syntax, node: cst.CSTNode, code: Sequence[str], *, after: bool) -> str:
    """Return the edited source with new statements before or after the statement that contains the node."""
    if any(isinstance(outer, cst.Lambda) for outer in syntax.ancestors(node)):
        raise NotApplicable(f"the call in line {syntax.line(node)} is in a lambda")
    new = [_parse_statement(statement) for statement in code]
    small = _small_statement(syntax, node)
    line = syntax.parents[small] if small is not None else None
    if small is not None and isinstance(line, SimpleLine) and _has_shared_line(line):
        simple = [statement.body[0] for statement in new if isinstance(statement, cst.SimpleStatementLine)]
        if len(simple) < len(new):
            raise NotApplicable(f"line {syntax.line(node)} contains several statements")
        body = _insert_into_line(line.body, small, simple, after)
        return syntax.replace(line, line.with_changes(body=body))
    return _insert_line(syntax, node, new, after)


def _parse_statement(code: str) -> NewStatement:
    """Return the syntax tree node of code that consists of one statement."""
    statement = cst.parse_statement(code)
    assert isinstance(statement, NewStatement)
    return statement


def _has_shared_line(line: SimpleLine) -> bool:
    """Return whether a simple statement shares its line with other statements or with the header of its block."""
    return isinstance(line, cst.SimpleStatementSuite) or len(line.body) > 1


def _small_statement(syntax: Syntax, node: cst.CSTNode) -> cst.BaseSmallStatement | None:
    """Return the simple statement that contains the node, or None if the node is in the header of a block."""
    for outer in (node, *syntax.ancestors(node)):
        if isinstance(outer, cst.BaseSmallStatement):
            return outer
        if isinstance(outer, cst.BaseStatement):
            break
    return None


def _insert_into_line(
    body: Sequence[cst.BaseSmallStatement],
    statement: cst.BaseSmallStatement,
    new: Sequence[cst.BaseSmallStatement],
    after: bool,
) -> list[cst.BaseSmallStatement]:
    """Return the statements of a line, which semicolons separate, with new statements inserted."""
    at = list(body).index(statement)
    *others, last = [statement, *new] if after else [*new, statement]
    joined = [
        *(s.with_changes(semicolon=SEMICOLON) for s in others),
        last.with_changes(semicolon=statement.semicolon),
    ]
    return [*body[:at], *joined, *body[at + 1 :]]


def _insert_line(syntax: Syntax, node: cst.CSTNode, new: Sequence[NewStatement], after: bool) -> str:
    """Return the edited source with new statements on separate lines."""
    inner = node
    for block in syntax.ancestors(node):
        if isinstance(block, cst.Module | cst.IndentedBlock):
            break
        inner = block
    else:
        raise NotApplicable(f"line {syntax.line(node)} is not in a block of statements")
    only = new[0] if len(new) == 1 and isinstance(new[0], cst.SimpleStatementLine) else None
    if only is not None and (text := uncomment_statement(syntax, block, only)) is not None:
        return text
    statements: list[cst.CSTNode] = list(block.body)
    at = statements.index(inner)
    if after:
        return replace_body(syntax, block, [*statements[: at + 1], *new, *statements[at + 1 :]])
    while at and _is_fitting_call(before := syntax.code(statements[at - 1]).strip()) and before > syntax.code(new[0]):
        at -= 1  # The calls are sorted, so that the result does not depend on the order of the remedies.
    return replace_body(syntax, block, [*statements[:at], *insert_above(statements[at], *new), *statements[at + 1 :]])


def _is_fitting_call(code: str) -> bool:
    """Return whether a statement calls a function that remedies insert before the training loop, to fit a transform."""
    return code.startswith(FITTING_CALLS)


def insert_above(statement: cst.CSTNode, *new: NewStatement) -> list[cst.CSTNode]:
    """Return the new statements followed by `statement`, whose comments stay directly above it."""
    lines: Sequence[cst.EmptyLine] = statement.leading_lines  # type: ignore[attr-defined]
    blank = max((i + 1 for i, line in enumerate(lines) if line.comment is None), default=0)
    first, *others = new
    return [
        first.with_changes(leading_lines=lines[:blank]),
        *others,
        statement.with_changes(leading_lines=lines[blank:]),
    ]


def remove_line(syntax: Syntax, statement: cst.BaseSmallStatement) -> str | None:
    """Return the edited source without the line of the statement, or None if its block would be empty."""
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
    return replace_body(syntax, block, [*statements[:at], *following, *statements[at + 2 :]])


def replace_body(syntax: Syntax, block: cst.Module | cst.IndentedBlock, body: Sequence[cst.CSTNode]) -> str:
    """Return the edited source in which `body` replaces the statements of the block."""
    changed = block.with_changes(body=body)
    return changed.code if isinstance(changed, cst.Module) else syntax.replace(block, changed)
