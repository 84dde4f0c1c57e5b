"""Add imports to a file, and remove imports that an edit leaves unused."""

import ast
from collections.abc import Sequence
from pathlib import Path

import libcst as cst
from libcst.metadata import ClassScope

from descend.doctor.codemod.insert import insert_above, remove_line, replace_body
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.codemod.syntax import Node, Syntax, dotted_name_expression, parse


def import_name(file: Path, text: str, package: str, name: str) -> str:
    """Return the source `text` with the statement ``from package import name``, unless it is already there.

    Raise NotApplicable if the file uses `name` for something else.
    """
    syntax = parse(file, text)
    for statement in _top_level(syntax, cst.ImportFrom):
        if _imported_package(statement) == package and not isinstance(statement.names, cst.ImportStar):
            if name in {alias.evaluated_name for alias in statement.names if alias.asname is None}:
                return text
            if not is_name_taken(syntax, name):
                return syntax.replace(statement, _with_imported_name(statement, statement.names, name))
    if is_name_taken(syntax, name):
        raise NotApplicable(f"{file.name} already uses the name `{name}`")
    return _add_import(syntax, cst.ImportFrom(dotted_name_expression(package), [cst.ImportAlias(cst.Name(name))]))


def import_module(file: Path, text: str, name: str) -> str:
    """Return the source `text` with the statement ``import name``, unless it is already there.

    Raise NotApplicable if the file uses the first part of the name for something else.
    """
    package, imported = name.partition(".")[0], _imported_modules(text)
    if any(other == name or other.startswith(name + ".") for other in imported):
        return text
    syntax = parse(file, text)
    if not any(other.partition(".")[0] == package for other in imported) and is_name_taken(syntax, package):
        raise NotApplicable(f"{file.name} already uses the name `{package}`")
    return _add_import(syntax, cst.Import([cst.ImportAlias(dotted_name_expression(name))]))


def _imported_modules(text: str) -> set[str]:
    """Return the names of the modules in top-level statements ``import name``. This is much faster than `parse`."""
    try:
        body = ast.parse(text).body
    except SyntaxError:
        return set()
    return {a.name for statement in body if isinstance(statement, ast.Import) for a in statement.names if not a.asname}


def module_alias(syntax: Syntax, name: str) -> str:
    """Return the name by which the file imports a module: ``np`` for ``import numpy as np``; "" without an import."""
    aliases = [alias for statement in _top_level(syntax, cst.Import) for alias in statement.names]
    return next((a.evaluated_alias or name for a in aliases if a.evaluated_name == name), "")


def remove_unused_imports(file: Path, before: str, after: str) -> str:
    """Return the edited source `after` without the imports that only the source `before` the edit uses."""
    try:
        idle = (_names_used(before) - _names_used(after)) & _imported_names(after)
    except SyntaxError:  # A notebook's magic command cannot be parsed.
        return after
    for name in sorted(idle):
        syntax = if_applicable(parse, file, after)
        if syntax is not None:
            after = _without_import(syntax, name)
    return after


def _without_import(syntax: Syntax, name: str) -> str:
    """Return the source without the import of the name."""
    statements: list[cst.Import | cst.ImportFrom] = [
        *_top_level(syntax, cst.Import),
        *_top_level(syntax, cst.ImportFrom),
    ]
    for statement in statements:
        aliases = [] if isinstance(statement.names, cst.ImportStar) else [*statement.names]
        kept = [alias for alias in aliases if (alias.evaluated_alias or alias.evaluated_name) != name]
        if len(kept) == len(aliases):
            continue
        if not kept:
            return remove_line(syntax, statement) or syntax.module.code
        kept[-1] = kept[-1].with_changes(comma=aliases[-1].comma)
        return syntax.replace(statement, statement.with_changes(names=kept))
    return syntax.module.code


def _names_used(text: str) -> set[str]:
    """Return the names that the source reads, and its strings, because ``__all__`` lists names as strings."""
    nodes = list(ast.walk(ast.parse(text)))
    strings = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {node.id for node in nodes if isinstance(node, ast.Name)} | strings


def _imported_names(text: str) -> set[str]:
    """Return the names that the import statements of the source define."""
    found = [node for node in ast.parse(text).body if isinstance(node, ast.Import | ast.ImportFrom)]
    return {alias.asname or alias.name for statement in found for alias in statement.names}


def import_torch_if_called(before: Syntax, text: str) -> str:
    """Return the edited source with ``import torch`` if the edit added code that uses ``torch``."""
    calls_torch = text.count("torch.") > before.module.code.count("torch.")
    return import_module(before.file, text, "torch") if calls_torch else text


def _top_level(syntax: Syntax, kind: type[Node]) -> list[Node]:
    """Return the statements of type `kind` that are at module level, outside functions and classes."""
    return [s for s in syntax.every(kind) if syntax.parents[syntax.parents[s]] is syntax.module]


def _imported_package(statement: cst.ImportFrom) -> str:
    """Return the package from which a statement ``from package import name`` imports; "" for a relative import."""
    if statement.module is None or statement.relative:
        return ""
    return cst.Module([]).code_for_node(statement.module)


def _with_imported_name(statement: cst.ImportFrom, names: Sequence[cst.ImportAlias], name: str) -> cst.ImportFrom:
    """Return a ``from`` import with one more name, so that its names are in alphabetical order."""
    comma = names[0].comma if len(names) > 1 else cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    all_names = sorted([*names, cst.ImportAlias(cst.Name(name))], key=lambda alias: alias.evaluated_name)
    *others, last = all_names
    separated = [alias.with_changes(comma=comma) for alias in others]
    return statement.with_changes(names=[*separated, last.with_changes(comma=names[-1].comma)])


def is_name_taken(syntax: Syntax, name: str) -> bool:
    """Return whether the file uses a name for anything except the members of classes."""
    scopes = {s for s in syntax.scopes.values() if s is not None and not isinstance(s, ClassScope)}
    return any(assignment.name == name for scope in scopes for assignment in scope.assignments)


def _add_import(syntax: Syntax, statement: cst.Import | cst.ImportFrom) -> str:
    """Return the source with a new import statement after the existing ones."""
    body = syntax.module.body
    new = cst.SimpleStatementLine([statement])
    at = end_of_imports(body)
    code = _statement_code(new)
    while (
        at
        and _is_import(body[at - 1])
        and _is_descend_import(before := _statement_code(body[at - 1]))
        and before > code
    ):
        at -= 1  # Imports from descend are sorted, so that the result does not depend on the order of the remedies.
    if 0 < at < len(body) and not _is_import(body[at - 1]):
        return replace_body(syntax, syntax.module, [*body[:at], *insert_above(body[at], new), *body[at + 1 :]])
    return replace_body(syntax, syntax.module, [*body[:at], new, *body[at:]])


def _statement_code(statement: cst.CSTNode) -> str:
    """Return the source code of a statement without white space around it."""
    return cst.Module([]).code_for_node(statement).strip()


def _is_descend_import(code: str) -> bool:
    """Return whether the code is an import from descend."""
    return code.startswith(("from descend.", "import descend."))


def end_of_imports(body: Sequence[cst.CSTNode]) -> int:
    """Return the index of the first statement that follows the module docstring and the imports."""
    for i, statement in enumerate(body):
        if not _is_import(statement) and not (i == 0 and _is_docstring(statement)):
            return i
    return len(body)


def _is_import(statement: cst.CSTNode) -> bool:
    """Return whether a line begins with an import statement."""
    if not isinstance(statement, cst.SimpleStatementLine):
        return False
    return isinstance(statement.body[0], cst.Import | cst.ImportFrom)


def _is_docstring(statement: cst.CSTNode) -> bool:
    """Return whether a line begins with a string, as a docstring does."""
    if not isinstance(statement, cst.SimpleStatementLine) or not isinstance(statement.body[0], cst.Expr):
        return False
    return isinstance(statement.body[0].value, cst.SimpleString | cst.ConcatenatedString)
