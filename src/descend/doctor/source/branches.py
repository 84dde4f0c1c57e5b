"""Places in the source that are never run together: two branches of an `if`, or one that returns and the rest."""

import libcst as cst

from descend.doctor.source.syntax import Syntax


def are_exclusive(syntax: Syntax, one: cst.CSTNode, other: cst.CSTNode) -> bool:
    """Return whether a pass through the smallest statement that holds both nodes reaches at most one of them."""
    paths = [[node, *syntax.ancestors(node)] for node in (one, other)]
    shared = next((node for node in paths[0] if node in paths[1]), None)
    inner = [path[: path.index(shared)] for path in paths] if shared is not None else [[], []]
    if not all(inner):
        return False
    if isinstance(shared, cst.If):
        return not any(path[-1] is shared.test for path in inner)
    first = min(inner, key=lambda path: syntax.line(path[-1]))
    return isinstance(first[-1], cst.If) and any(_returns(node) for node in first)


def _returns(node: cst.CSTNode) -> bool:
    """Return whether a block ends with `return` or `raise`."""
    last = node.body[-1] if isinstance(node, cst.IndentedBlock) and node.body else None
    return isinstance(last, cst.SimpleStatementLine) and isinstance(last.body[-1], cst.Return | cst.Raise)
