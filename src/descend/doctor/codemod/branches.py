"""Recognise two places in the source of which at most one runs in each pass."""

import libcst as cst

from descend.doctor.codemod.syntax import Syntax


def are_exclusive(syntax: Syntax, one: cst.CSTNode, other: cst.CSTNode) -> bool:
    """Return whether at most one of two nodes runs, because they are in different branches or one branch returns."""
    paths = [[node, *syntax.ancestors(node)] for node in (one, other)]
    shared = next((node for node in paths[0] if node in paths[1]), None)
    inner = [path[: path.index(shared)] for path in paths] if shared is not None else [[], []]
    if not all(inner):
        return False
    if isinstance(shared, cst.If):
        return not any(path[-1] is shared.test for path in inner)
    first = min(inner, key=lambda path: syntax.line(path[-1]))
    return isinstance(first[-1], cst.If) and any(_ends_with_return(node) for node in first)


def _ends_with_return(node: cst.CSTNode) -> bool:
    """Return whether a block ends with ``return`` or ``raise``."""
    last = node.body[-1] if isinstance(node, cst.IndentedBlock) and node.body else None
    return isinstance(last, cst.SimpleStatementLine) and isinstance(last.body[-1], cst.Return | cst.Raise)
