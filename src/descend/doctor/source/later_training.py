"""Whether a script goes on to another training behind the one that was seen.

for x, y in batches: …; loss.backward(); optimizer.step()      # what was seen
optimizer = torch.optim.Adam(student.parameters())             # another one, behind it
"""

import ast
from collections.abc import Iterator, Sequence

Body = Sequence[ast.stmt]


def trains_later(source: str, line: int) -> bool:
    """Whether an optimizer is made behind the statement that `line` is in: in the same function, or in none."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return False
    imported = set(_imported(tree))
    behind = [statement for statement in _around(tree, line) if statement.lineno > line]
    return any(_makes_optimizer(node, imported) for statement in behind for node in _of_scope(statement))


def _around(tree: ast.Module, line: int) -> Body:
    """Return the statements of the innermost function that the line is in; the module's where it is in none."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    around = [f for f in functions if f.body[0].lineno <= line <= (f.body[-1].end_lineno or 0)]
    return max(around, key=lambda f: f.lineno).body if around else tree.body


def _of_scope(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the node and what is in it, but for what functions and classes that it defines do when they are called."""
    yield node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
        for child in ast.iter_child_nodes(node):
            yield from _of_scope(child)


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "torch.optim":
            yield from (name.asname or name.name for name in node.names if name.name[:1].isupper())


def _makes_optimizer(node: ast.AST, imported: set[str]) -> bool:
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Name):
        return node.func.id in imported
    names = ast.unparse(node.func).split(".") if isinstance(node.func, ast.Attribute) else []
    return names[-2:-1] == ["optim"] and names[-1][:1].isupper()
