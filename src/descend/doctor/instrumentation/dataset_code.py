"""Read in the source of a data set which of its arrays it indexes, and where."""

import ast
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any

from descend.doctor.instrumentation.frames import CallSpan


def indexed_attributes(dataset: Any) -> list[str]:
    """Return the attributes of which `__getitem__` reads the entry with the number that it gets: ``self.rows[i]``."""
    code = _code_of(dataset, "__getitem__")
    if code is None or code.co_argcount != 2:
        return []
    index = code.co_varnames[1]
    taken = sorted(_attribute_reads(code), key=lambda node: (node.lineno, node.col_offset))
    return [node.value.attr for node in taken if isinstance(node.slice, ast.Name) and node.slice.id == index]  # type: ignore[attr-defined]


def reading_span(dataset: Any, name: str) -> CallSpan | None:
    """Return the place where `__getitem__` reads an entry of the attribute `name`; None if it is unclear."""
    code = _code_of(dataset, "__getitem__")
    reads = [node for node in _attribute_reads(code) if node.value.attr == name] if code is not None else []  # type: ignore[attr-defined]
    return _span(code, reads[0]) if code is not None and reads else None


def length_span(dataset: Any) -> CallSpan | None:
    """Return the place of the value that `__len__` returns; None unless it has a single ``return``."""
    code = _code_of(dataset, "__len__")
    returns = [node for node in _nodes_of(code) if isinstance(node, ast.Return)] if code is not None else []
    value = returns[0].value if len(returns) == 1 else None
    return None if code is None or value is None else _span(code, value)


def _code_of(dataset: Any, method: str) -> CodeType | None:
    """Return the code of a method of a data set; None if it is not written in Python."""
    return getattr(getattr(type(dataset), method, None), "__code__", None)


def _attribute_reads(code: CodeType) -> Iterator[ast.Subscript]:
    """Yield the expressions in a method that read a part of an attribute, as ``self.rows[i]`` does."""
    for node in _nodes_of(code):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and isinstance(node.value, ast.Attribute):
            yield node


def _nodes_of(code: CodeType) -> Iterator[ast.AST]:
    """Yield the nodes of a function's syntax tree; nothing if its file cannot be read."""
    try:
        parsed = ast.parse(Path(code.co_filename).read_text("utf-8"))
    except (OSError, ValueError, SyntaxError):
        return
    for function in ast.walk(parsed):
        if isinstance(function, ast.FunctionDef) and function.lineno == code.co_firstlineno:
            yield from ast.walk(function)


def _span(code: CodeType, node: ast.expr) -> CallSpan | None:
    """Return the place of an expression of a function."""
    if node.end_lineno is None or node.end_col_offset is None:
        return None
    place = node.lineno, node.col_offset, node.end_lineno, node.end_col_offset
    return CallSpan(code.co_filename, *place, code.co_name, operator=True)
