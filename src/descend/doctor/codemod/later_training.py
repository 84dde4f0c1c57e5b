"""Decide whether a script trains again after the training that was observed.

for x, y in batches: …; loss.backward(); optimizer.step()      # the observed training
optimizer = torch.optim.Adam(student.parameters())             # a second training
"""

import ast
from collections.abc import Iterator, Sequence

Body = Sequence[ast.stmt]


def trains_again_after(source: str, line: int) -> bool:
    """Return whether code after the given line creates another optimizer, in the same function or at module level."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return False
    imported = set(_imported_optimizers(tree))
    later = [statement for statement in _enclosing_body(tree, line) if statement.lineno > line]
    return any(_makes_optimizer(node, imported) for statement in later for node in _nodes_in_scope(statement))


def _enclosing_body(tree: ast.Module, line: int) -> Body:
    """Return the statements of the innermost function that contains the line, or those of the module."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    around = [f for f in functions if f.body[0].lineno <= line <= (f.body[-1].end_lineno or 0)]
    return max(around, key=lambda f: f.lineno).body if around else tree.body


def _nodes_in_scope(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the node and all nodes in it, except the bodies of functions and classes."""
    yield node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
        for child in ast.iter_child_nodes(node):
            yield from _nodes_in_scope(child)


def _imported_optimizers(tree: ast.Module) -> Iterator[str]:
    """Yield the names by which the file imports classes of torch.optim."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "torch.optim":
            yield from (name.asname or name.name for name in node.names if name.name[:1].isupper())


def _makes_optimizer(node: ast.AST, imported: set[str]) -> bool:
    """Return whether the node constructs an optimizer of torch.optim."""
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Name):
        return node.func.id in imported
    names = ast.unparse(node.func).split(".") if isinstance(node.func, ast.Attribute) else []
    return names[-2:-1] == ["optim"] and names[-1][:1].isupper()
