"""The expression or statement that a site of the record stands at, in the source as it reads now."""

from pathlib import Path

import libcst as cst

from descend.record import Site
from descend.script import Script
from descend.source.locate import is_users, split_lines
from descend.source.not_applicable import NotApplicable
from descend.source.syntax import Node, Syntax, parse

Position = tuple[int, int]


def statement_at(script: Script, site: Site) -> tuple[Syntax, cst.BaseSmallStatement] | NotApplicable:
    """Return the simple statement around `site`, or why there is none that could be edited."""
    return _found(script, site, cst.BaseSmallStatement, whole=False)  # type: ignore[type-abstract]


def expression_at(script: Script, site: Site, kind: type[Node]) -> tuple[Syntax, Node] | NotApplicable:
    """Return the expression of that kind that begins and ends where `site` does, or why there is none."""
    return _found(script, site, kind, whole=True)


def _found(script: Script, site: Site, kind: type[Node], *, whole: bool) -> tuple[Syntax, Node] | NotApplicable:
    """Return the node. Where other edits have been made before, it is the one that reads the same."""
    file = Path(site.file)
    if not is_users(script, file) or not script.has(file):
        return NotApplicable(f"it is in a library, at {site.file}:{site.line}")
    original, syntax = parse(file, script.unedited(file)), parse(file, script.read(file))
    if isinstance(original, NotApplicable):
        return original
    if isinstance(syntax, NotApplicable):
        return syntax
    node = _at(original, site, kind, whole)
    if node is None:
        return NotApplicable(f"line {site.line} does not show it")
    alike, now = (_alike(tree, kind, original.code(node)) for tree in (original, syntax))
    if len(alike) != len(now):
        return NotApplicable(f"line {site.line} reads otherwise by now")
    return syntax, now[alike.index(node)]


def _at(syntax: Syntax, site: Site, kind: type[Node], whole: bool) -> Node | None:
    text = syntax.module.code
    begin, end = _place(text, site.line, site.column), _place(text, site.end_line or site.line, site.end_column)
    for node in syntax.every(kind):
        span = syntax.spans[node]
        start, stop = (span.start.line, span.start.column), (span.end.line, span.end.column)
        if (start, stop) == (begin, end) if whole else start <= begin <= stop:
            return node
    return None


def _place(text: str, line: int, column: int) -> Position:
    lines = split_lines(text)
    return (line, len(lines[line - 1].encode()[:column].decode(errors="ignore"))) if line <= len(lines) else (line, 0)


def _alike(syntax: Syntax, kind: type[Node], code: str) -> list[Node]:
    return [node for node in syntax.every(kind) if syntax.code(node) == code]
