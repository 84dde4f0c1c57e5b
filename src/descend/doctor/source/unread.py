"""Removes what an edit leaves unread: a setting that only a removed schedule read, a function that only it called."""

import ast
from collections.abc import Iterator
from pathlib import Path

import libcst as cst

from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.remove import remove
from descend.doctor.source.syntax import Syntax, parse

PLAIN = (ast.Constant, ast.Name, ast.UnaryOp, ast.BinOp, ast.Tuple, ast.List, ast.Dict, ast.operator, ast.unaryop)
ALL_NAMES = frozenset({"globals", "locals", "vars", "eval", "exec"})  # what calls one of these may read any name


def without_unread(file: Path, before: str, after: str) -> str:
    """Return an edited text without the settings and functions that something read before the edit, and nothing now.

    A setting is a name that is given numbers, texts or other names; nothing is taken away that may have an effect.
    """
    while True:
        name = next(iter(sorted(unread(before, after))), None)
        syntax = parse(file, after) if name else None
        node = _defined(syntax, name) if name and isinstance(syntax, Syntax) else None
        text = remove(syntax, node) if isinstance(syntax, Syntax) and node is not None else None
        if text is None or isinstance(text, NotApplicable) or text == after:
            return after
        after = text


def unread(before: str, after: str) -> set[str]:
    """Return the names of settings and functions in `after` that were read in `before`, and are no longer."""
    try:
        old, new = ast.parse(before), ast.parse(after)
    except SyntaxError:  # the magics of a notebook
        return set()
    read = _read(new)
    return set() if ALL_NAMES & read else (_read(old) - read) & _settings(new)


def _read(tree: ast.AST) -> set[str]:
    nodes = list(ast.walk(tree))
    names = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store)}
    strings = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return names | strings | {name for node in nodes if isinstance(node, ast.Global) for name in node.names}


def _settings(tree: ast.Module) -> set[str]:
    """Return the names that are defined once, by a setting or a function of no class."""
    stored = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    defined = [*stored, *(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))]
    found = {name for name in map(_name, _statements(tree)) if name}
    return {name for name in found if defined.count(name) == 1}


def _statements(tree: ast.AST) -> Iterator[ast.stmt]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.stmt):
            yield node
        if not isinstance(node, ast.ClassDef):
            yield from _statements(node)


def _name(statement: ast.stmt) -> str:
    """Return what a statement gives a name to, where it has no other effect; else ""."""
    if isinstance(statement, ast.FunctionDef):
        return "" if statement.decorator_list else statement.name
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return ""
    target, parts = statement.targets[0], list(ast.walk(statement.value))
    is_plain = all(isinstance(part, (*PLAIN, ast.expr_context)) for part in parts)
    return target.id if isinstance(target, ast.Name) and is_plain else ""


def _defined(syntax: Syntax, name: str) -> cst.CSTNode | None:
    """Return the statement that defines a name."""
    assigns = [a for a in syntax.every(cst.Assign) if len(a.targets) == 1 and syntax.code(a.targets[0].target) == name]
    functions = [function for function in syntax.every(cst.FunctionDef) if function.name.value == name]
    return next(iter([*assigns, *functions]), None)
