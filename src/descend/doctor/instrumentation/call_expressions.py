"""Find call expressions in a source file by the position of their end, which is unique for each call.

The beginning is read from the source, because the running code gives a method call over several lines the line of
its method.
"""

import ast
import linecache
from dataclasses import dataclass
from functools import cache

# These functions wrap their argument, and the script uses the wrapped object in place of the original.
_WRAPPERS = frozenset(
    "compile script DataParallel DistributedDataParallel DDP FullyShardedDataParallel FSDP fully_shard".split()
)
# These methods of a module return the module itself.
_FLUENT = frozenset("to cuda cpu float double half bfloat16 type train eval apply requires_grad_ share_memory".split())


@dataclass(frozen=True)
class Call:
    """A call expression: where it begins, and the variable to which its result is assigned (or "")."""

    line: int
    column: int  # The column counts UTF-8 bytes, as in `ast`.
    variable: str


def call_ending(file: str, line: int, column: int) -> Call | None:
    """Return the call expression that ends at this position in a source file; None if there is no such call."""
    return _calls_by_end(file).get((line, column))


@cache
def _calls_by_end(file: str) -> dict[tuple[int, int], Call]:
    """Return the call expressions in a source file by the line and column where they end."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError, RecursionError):
        return {}
    names = _variables_of_calls(tree)
    return {
        (node.end_lineno or 0, node.end_col_offset or 0): Call(node.lineno, node.col_offset, names.get(node, ""))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    }


def _variables_of_calls(tree: ast.AST) -> dict[ast.AST, str]:
    """Return, for each call in a syntax tree, the variable to which its result is assigned."""
    names: dict[ast.AST, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            _assign_name(node.targets[0], node.value, names)
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            _assign_name(node.target, node.value, names)
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            _assign_name(node.optional_vars, node.context_expr, names)
    return names


def _assign_name(target: ast.expr, value: ast.expr, names: dict[ast.AST, str]) -> None:
    """Store that the result of the call `value`, or of a call in it (`Net().to(device)`), is assigned to `target`."""
    if isinstance(target, ast.Tuple | ast.List):
        if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
            for part, given in zip(target.elts, value.elts):
                _assign_name(part, given, names)
        return
    if isinstance(value, ast.IfExp):
        _assign_name(target, value.body, names)
        _assign_name(target, value.orelse, names)
    if isinstance(value, ast.NamedExpr):
        _assign_name(target, value.value, names)
    if not isinstance(value, ast.Call):
        return
    names[value] = ast.unparse(target)
    function = value.func
    if isinstance(function, ast.Attribute) and function.attr in _FLUENT:
        _assign_name(target, function.value, names)
    called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if called in _WRAPPERS and value.args:
        _assign_name(target, value.args[0], names)
