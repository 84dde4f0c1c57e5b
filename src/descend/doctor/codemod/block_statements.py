"""List the statements of a block before or after a node, also if several share a line."""

from collections.abc import Sequence

import libcst as cst

from descend.doctor.codemod.syntax import Syntax, last_name

Statement = cst.BaseSmallStatement | cst.BaseCompoundStatement
Block = cst.Module | cst.BaseSuite


def statements_before(syntax: Syntax, node: cst.CSTNode) -> list[Statement]:
    """Return the statements in the same block before the one that contains `node`, nearest first."""
    statements, at = _statements_and_position(syntax, node)
    return statements[:at][::-1]


def statements_after(syntax: Syntax, node: cst.CSTNode) -> list[Statement]:
    """Return the statements in the same block after the one that contains `node`, nearest first."""
    statements, at = _statements_and_position(syntax, node)
    return statements[at + 1 :]


def statement_call(statement: cst.CSTNode) -> cst.Call | None:
    """Return the call that a statement ``f(x)`` or ``y = f(x)`` consists of; None for other statements."""
    value = statement.value if isinstance(statement, cst.Expr | cst.Assign) else None
    return value if isinstance(value, cst.Call) else None


def is_call_statement(statement: cst.CSTNode, names: Sequence[str]) -> bool:
    """Return whether a statement only calls a function or method with one of the given names."""
    call = statement_call(statement)
    return call is not None and last_name(call.func) in names


def _statements_and_position(syntax: Syntax, node: cst.CSTNode) -> tuple[list[Statement], int]:
    """Return the statements of the block around the node, and the index of the statement that contains it."""
    holders = [node, *syntax.ancestors(node)]
    block = next(outer for outer in holders[1:] if isinstance(outer, Block))
    statements: list[Statement] = []
    for part in block.body:
        statements += part.body if isinstance(part, cst.SimpleStatementLine) else [part]  # type: ignore[list-item]
    return statements, next(i for i, statement in enumerate(statements) if statement in holders)
