"""The same program with other names: nothing else changes, and no line moves."""

import ast
import builtins
import re


def renamed(text: str) -> str:
    """Give every variable, function and class that a program defines another name.

    Parameters keep theirs, which calls may name; so do attributes and what is imported or built in.
    """
    tree = ast.parse(text)
    ours = _defined(tree) - _fixed(tree) - set(dir(builtins))
    names = {name: f"{name[0].strip('_') or 'v'}_{number}" for number, name in enumerate(sorted(ours), 1)}
    lines = [line.encode() for line in text.splitlines(keepends=True)]
    for line, column, name in sorted(_places(tree, lines, names), reverse=True):
        row = lines[line - 1]
        lines[line - 1] = row[:column] + names[name].encode() + row[column + len(name.encode()) :]
    return b"".join(lines).decode()


def _defined(tree: ast.AST) -> set[str]:
    stored = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    made = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    methods = {
        n.name
        for c in ast.walk(tree)
        if isinstance(c, ast.ClassDef)
        for n in ast.walk(c)
        if isinstance(n, ast.FunctionDef)
    }
    fields = {
        name.id
        for c in ast.walk(tree)
        if isinstance(c, ast.ClassDef)
        for n in c.body
        for name in ast.walk(n)
        if not isinstance(n, ast.FunctionDef) and isinstance(name, ast.Name)
    }
    return (stored | made) - methods - fields


def _fixed(tree: ast.AST) -> set[str]:
    imported = {
        (a.asname or a.name).split(".")[0]
        for n in ast.walk(tree)
        if isinstance(n, ast.Import | ast.ImportFrom)
        for a in n.names
    }
    parameters = {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    declared = {name for n in ast.walk(tree) if isinstance(n, ast.Global | ast.Nonlocal) for name in n.names}
    handled = {n.name for n in ast.walk(tree) if isinstance(n, ast.ExceptHandler) and n.name}
    in_strings = {
        n.id for f in ast.walk(tree) if isinstance(f, ast.JoinedStr) for n in ast.walk(f) if isinstance(n, ast.Name)
    }  # before Python 3.12 their places are not told
    return imported | parameters | declared | handled | in_strings | {"__name__"}


def _places(tree: ast.AST, lines: list[bytes], names: dict[str, str]) -> set[tuple[int, int, str]]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in names:
            found.add((node.lineno, node.col_offset, node.id))
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in names:
            head = re.search(rb"\b(?:def|class)\s+", lines[node.lineno - 1])
            if head is not None:
                found.add((node.lineno, head.end(), node.name))
    return found
