"""Adds an import to a file, once."""

import ast
from collections.abc import Sequence
from pathlib import Path

import libcst as cst
from libcst.metadata import ClassScope

from descend.doctor.source.insert import above, with_body, without_line
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Node, Syntax, dotted, parse


def import_name(file: Path, text: str, package: str, name: str) -> str | NotApplicable:
    """Return `text` with `from package import name` among its imports.

    Not applicable where the file already calls something of its own `name`.
    """
    syntax = parse(file, text)
    if isinstance(syntax, NotApplicable):
        return syntax
    for statement in _top_level(syntax, cst.ImportFrom):
        if _package(statement) == package and not isinstance(statement.names, cst.ImportStar):
            if name in {alias.evaluated_name for alias in statement.names if alias.asname is None}:
                return text
            if not is_bound(syntax, name):
                return syntax.replace(statement, _with_name(statement, statement.names, name))
    if is_bound(syntax, name):
        return NotApplicable(f"{file.name} has a `{name}` of its own")
    return _add(syntax, cst.ImportFrom(dotted(package), [cst.ImportAlias(cst.Name(name))]))


def import_module(file: Path, text: str, name: str) -> str | NotApplicable:
    """Return `text` with `import name` among its imports.

    Not applicable where the file already calls something of its own by the first part of the name.
    """
    syntax = parse(file, text)
    if isinstance(syntax, NotApplicable):
        return syntax
    package = name.partition(".")[0]
    imported = {a.evaluated_name for s in _top_level(syntax, cst.Import) for a in s.names if a.asname is None}
    if any(other == name or other.startswith(name + ".") for other in imported):
        return text
    if not any(other.partition(".")[0] == package for other in imported) and is_bound(syntax, package):
        return NotApplicable(f"{file.name} has a `{package}` of its own")
    return _add(syntax, cst.Import([cst.ImportAlias(dotted(name))]))


def imported_as(syntax: Syntax, name: str) -> str:
    """Return what the file calls a module, `np` of `import numpy as np`; "" where it does not import it whole."""
    aliases = [alias for statement in _top_level(syntax, cst.Import) for alias in statement.names]
    return next((a.evaluated_alias or name for a in aliases if a.evaluated_name == name), "")


def without_idle(file: Path, before: str, after: str) -> str:
    """Return an edited text without the imports of what was used before the edit, and is no longer."""
    try:
        idle = (_used(before) - _used(after)) & _imported(after)
    except SyntaxError:  # the magics of a notebook
        return after
    for name in sorted(idle):
        syntax = parse(file, after)
        if isinstance(syntax, Syntax):
            after = _without_name(syntax, name)
    return after


def _without_name(syntax: Syntax, name: str) -> str:
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
            return without_line(syntax, statement) or syntax.module.code
        kept[-1] = kept[-1].with_changes(comma=aliases[-1].comma)
        return syntax.replace(statement, statement.with_changes(names=kept))
    return syntax.module.code


def _used(text: str) -> set[str]:
    """Return the names that a text reads, those in its strings among them: what `__all__` has is used."""
    nodes = list(ast.walk(ast.parse(text)))
    strings = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {node.id for node in nodes if isinstance(node, ast.Name)} | strings


def _imported(text: str) -> set[str]:
    found = [node for node in ast.parse(text).body if isinstance(node, ast.Import | ast.ImportFrom)]
    return {alias.asname or alias.name for statement in found for alias in statement.names}


def with_torch(before: Syntax, text: str) -> str | NotApplicable:
    """Return an edited text with `import torch` among its imports where the edit has called `torch`."""
    calls_torch = text.count("torch.") > before.module.code.count("torch.")
    return import_module(before.file, text, "torch") if calls_torch else text


def _top_level(syntax: Syntax, kind: type[Node]) -> list[Node]:
    return [s for s in syntax.every(kind) if syntax.parents[syntax.parents[s]] is syntax.module]


def _package(statement: cst.ImportFrom) -> str:
    if statement.module is None or statement.relative:
        return ""
    return cst.Module([]).code_for_node(statement.module)


def _with_name(statement: cst.ImportFrom, names: Sequence[cst.ImportAlias], name: str) -> cst.ImportFrom:
    comma = names[0].comma if len(names) > 1 else cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    all_names = sorted([*names, cst.ImportAlias(cst.Name(name))], key=lambda alias: alias.evaluated_name)
    *others, last = all_names
    separated = [alias.with_changes(comma=comma) for alias in others]
    return statement.with_changes(names=[*separated, last.with_changes(comma=names[-1].comma)])


def is_bound(syntax: Syntax, name: str) -> bool:
    """Whether anything in the file has that name, but for what belongs to a class."""
    scopes = {s for s in syntax.scopes.values() if s is not None and not isinstance(s, ClassScope)}
    return any(assignment.name == name for scope in scopes for assignment in scope.assignments)


def _add(syntax: Syntax, statement: cst.Import | cst.ImportFrom) -> str:
    body = syntax.module.body
    new = cst.SimpleStatementLine([statement])
    at = end_of_imports(body)
    code = _code(new)
    while at and _is_import(body[at - 1]) and _is_ours(before := _code(body[at - 1])) and before > code:
        at -= 1  # whatever order remedies come in, their imports lie in one
    if 0 < at < len(body) and not _is_import(body[at - 1]):
        return with_body(syntax, syntax.module, [*body[:at], *above(body[at], new), *body[at + 1 :]])
    return with_body(syntax, syntax.module, [*body[:at], new, *body[at:]])


def _code(statement: cst.CSTNode) -> str:
    return cst.Module([]).code_for_node(statement).strip()


def _is_ours(code: str) -> bool:
    return code.startswith(("from descend.", "import descend."))


def end_of_imports(body: Sequence[cst.CSTNode]) -> int:
    """Return which of a file's statements is the first that is no import, and no text above these."""
    for i, statement in enumerate(body):
        if not _is_import(statement) and not (i == 0 and _is_docstring(statement)):
            return i
    return len(body)


def _is_import(statement: cst.CSTNode) -> bool:
    if not isinstance(statement, cst.SimpleStatementLine):
        return False
    return isinstance(statement.body[0], cst.Import | cst.ImportFrom)


def _is_docstring(statement: cst.CSTNode) -> bool:
    if not isinstance(statement, cst.SimpleStatementLine) or not isinstance(statement.body[0], cst.Expr):
        return False
    return isinstance(statement.body[0].value, cst.SimpleString | cst.ConcatenatedString)
