"""Call expressions in a source file, found by where they end: no two calls end at the same character.

Their beginning is read here and not from the running code, which gives a method call that is spread over lines
the line of its method.
"""

import ast
import linecache
from dataclasses import dataclass
from functools import cache

# Wrappers that hand back what they are given, to be used in its place.
_WRAPPERS = frozenset(
    "compile script DataParallel DistributedDataParallel DDP FullyShardedDataParallel FSDP fully_shard".split()
)
# Methods of a module that return the module.
_FLUENT = frozenset("to cuda cpu float double half bfloat16 type train eval apply requires_grad_ share_memory".split())


@dataclass(frozen=True)
class Call:
    """Where a call expression begins, and the name that its result is given ("" when it is given none)."""

    line: int
    column: int  # in UTF-8 bytes, as `ast` counts
    variable: str


def call_ending(file: str, line: int, column: int) -> Call | None:
    """Return the call expression that ends there, or None."""
    return _calls(file).get((line, column))


@cache
def _calls(file: str) -> dict[tuple[int, int], Call]:
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError, RecursionError):
        return {}
    names = _names(tree)
    return {
        (node.end_lineno or 0, node.end_col_offset or 0): Call(node.lineno, node.col_offset, names.get(node, ""))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    }


def _names(tree: ast.AST) -> dict[ast.AST, str]:
    names: dict[ast.AST, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            _give(node.targets[0], node.value, names)
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            _give(node.target, node.value, names)
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            _give(node.optional_vars, node.context_expr, names)
    return names


def _give(target: ast.expr, value: ast.expr, names: dict[ast.AST, str]) -> None:
    """Note that `value` becomes `target`; so does a module under a wrapper or a method that returns it."""
    if isinstance(target, ast.Tuple | ast.List):
        if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
            for part, given in zip(target.elts, value.elts):
                _give(part, given, names)
        return
    if isinstance(value, ast.IfExp):
        _give(target, value.body, names)
        _give(target, value.orelse, names)
    if isinstance(value, ast.NamedExpr):
        _give(target, value.value, names)
    if not isinstance(value, ast.Call):
        return
    names[value] = ast.unparse(target)
    function = value.func
    if isinstance(function, ast.Attribute) and function.attr in _FLUENT:
        _give(target, function.value, names)
    called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if called in _WRAPPERS and value.args:
        _give(target, value.args[0], names)
