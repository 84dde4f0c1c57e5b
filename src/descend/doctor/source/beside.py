"""The statements of a block, one after the other, also where several share a line."""

from collections.abc import Sequence

import libcst as cst

from descend.doctor.source.syntax import Syntax, last_name

Statement = cst.BaseSmallStatement | cst.BaseCompoundStatement
Block = cst.Module | cst.BaseSuite


def statements_before(syntax: Syntax, node: cst.CSTNode) -> list[Statement]:
    """Return the statements of the same block before the one that holds `node`, the nearest first."""
    statements, at = _around(syntax, node)
    return statements[:at][::-1]


def statements_after(syntax: Syntax, node: cst.CSTNode) -> list[Statement]:
    """Return the statements of the same block after the one that holds `node`, the nearest first."""
    statements, at = _around(syntax, node)
    return statements[at + 1 :]


def call_in(statement: cst.CSTNode) -> cst.Call | None:
    """Return the call that is all of a statement (`f(x)`), or whose value it keeps (`y = f(x)`)."""
    value = statement.value if isinstance(statement, cst.Expr | cst.Assign) else None
    return value if isinstance(value, cst.Call) else None


def is_call_in(statement: cst.CSTNode, names: Sequence[str]) -> bool:
    """Return whether the statement is a call of a function or method of one of these names."""
    call = call_in(statement)
    return call is not None and last_name(call.func) in names


def _around(syntax: Syntax, node: cst.CSTNode) -> tuple[list[Statement], int]:
    holders = [node, *syntax.ancestors(node)]
    block = next(outer for outer in holders[1:] if isinstance(outer, Block))
    statements: list[Statement] = []
    for part in block.body:
        statements += part.body if isinstance(part, cst.SimpleStatementLine) else [part]  # type: ignore[list-item]
    return statements, next(i for i, statement in enumerate(statements) if statement in holders)
