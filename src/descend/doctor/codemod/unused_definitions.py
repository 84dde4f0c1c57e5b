"""Remove settings and functions that an edit leaves unused, such as the helper function of a removed schedule."""

import ast
from collections.abc import Iterator
from pathlib import Path

import libcst as cst

from descend.doctor.codemod.imports import remove_unused_imports
from descend.doctor.codemod.not_applicable import if_applicable
from descend.doctor.codemod.remove import remove_statement
from descend.doctor.codemod.syntax import Syntax, parse
from descend.doctor.script.script import Script

SIDE_EFFECT_FREE = (
    ast.Constant,
    ast.Name,
    ast.UnaryOp,
    ast.BinOp,
    ast.Tuple,
    ast.List,
    ast.Dict,
    ast.operator,
    ast.unaryop,
)
# Code that calls one of these functions may use any name.
READS_ANY_NAME = frozenset({"globals", "locals", "vars", "eval", "exec"})


def remove_unused_code(before: Script, after: Script) -> Script:
    """Return the edited script `after` without the imports, settings and functions that the edit has made unused.

    In modules that the script imports, only imports are removed, since other files may use the definitions.
    """
    for file, text in after.edits.items():
        if text != before.edits.get(file) and (old := before.read(file)) != text:
            text = remove_newly_unused(file, old, text) if file == before.path else text
            after = after.edit(file, remove_unused_imports(file, old, text))
    return after


def remove_newly_unused(file: Path, before: str, after: str) -> str:
    """Return the edited source `after` without settings and functions that only the source `before` the edit uses.

    A setting is a name bound to numbers, strings or other names. No statement that may have an effect is removed.
    """
    while True:
        name = next(iter(sorted(newly_unused(before, after))), None)
        syntax = if_applicable(parse, file, after) if name else None
        node = _defining_statement(syntax, name) if name and syntax is not None else None
        text = remove_statement(syntax, node) if syntax is not None and node is not None else None
        if text is None or text == after:
            return after
        after = text


def newly_unused(before: str, after: str) -> set[str]:
    """Return the names of settings and functions that the source `before` the edit uses, but not the source `after`."""
    try:
        old, new = ast.parse(before), ast.parse(after)
    except SyntaxError:  # The text may contain a notebook's magic command, which libcst cannot parse.
        return set()
    read = _names_read(new)
    return set() if READS_ANY_NAME & read else (_names_read(old) - read) & _single_definitions(new)


def _names_read(tree: ast.AST) -> set[str]:
    """Return the names that the code reads, and its strings, because strings may name variables."""
    nodes = list(ast.walk(tree))
    names = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store)}
    strings = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return names | strings | {name for node in nodes if isinstance(node, ast.Global) for name in node.names}


def _single_definitions(tree: ast.Module) -> set[str]:
    """Return the names that are defined exactly once, by an assignment or a function definition outside classes."""
    stored = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    defined = [*stored, *(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))]
    found = {name for name in map(_defined_name, _statements_outside_classes(tree)) if name}
    return {name for name in found if defined.count(name) == 1}


def _statements_outside_classes(tree: ast.AST) -> Iterator[ast.stmt]:
    """Yield the statements of the module and its functions, but not those of classes."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.stmt):
            yield node
        if not isinstance(node, ast.ClassDef):
            yield from _statements_outside_classes(node)


def _defined_name(statement: ast.stmt) -> str:
    """Return the name that a statement defines, or "" if the statement may have another effect."""
    if isinstance(statement, ast.FunctionDef):
        return "" if statement.decorator_list else statement.name
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return ""
    target, parts = statement.targets[0], list(ast.walk(statement.value))
    is_plain = all(isinstance(part, (*SIDE_EFFECT_FREE, ast.expr_context)) for part in parts)
    return target.id if isinstance(target, ast.Name) and is_plain else ""


def _defining_statement(syntax: Syntax, name: str) -> cst.CSTNode | None:
    """Return the assignment or function that defines the name, or None."""
    assigns = [a for a in syntax.every(cst.Assign) if len(a.targets) == 1 and syntax.code(a.targets[0].target) == name]
    functions = [function for function in syntax.every(cst.FunctionDef) if function.name.value == name]
    return next(iter([*assigns, *functions]), None)
