"""Find the training loop that was not entered, for a run that never called `backward()`."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from descend.doctor.instrumentation.frames import SourceTree
from descend.doctor.record import Fact, Message, Site, SiteKind, facts, is_installed

Loop = ast.For | ast.AsyncFor | ast.While
LOOPS = (ast.For, ast.AsyncFor, ast.While)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
CONDITIONS = (ast.If, ast.IfExp, ast.Match, ast.BoolOp)  # A call inside one of these may be skipped on purpose.
DEEPEST = 6  # at most this many nested function calls from the module to backward()


def find_unentered_loop(tree: SourceTree) -> list[Message]:
    """Return messages about the loop around `backward()` that was not entered; [] if this is uncertain."""
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None) or ""
        if not file.endswith(".py") or is_installed(file) or not tree.is_of_script(file):
            continue
        found = _find_in_module(module, Path(file))
        if found is not None:
            loop, backward = found.loop, found.backward
            place = (tree.original(file), loop.lineno, loop.col_offset)
            fact = facts.UnenteredLoop(found.header, backward.lineno)
            return [Site(SiteKind.UNENTERED_LOOP, "", *place), Fact.of(fact, 0)]
    return []


@dataclass(frozen=True)
class _UnenteredLoop:
    """A loop that was not entered, and the call of `backward()` inside it."""

    loop: Loop
    backward: ast.Call
    header: str


def _find_in_module(module: ModuleType, file: Path) -> _UnenteredLoop | None:
    """Return the loop in a module's source that was not entered; None if there is no such loop."""
    try:
        source = file.read_text("utf-8")
        parsed = ast.parse(source)
    except (OSError, ValueError, SyntaxError):
        return None
    parents = {child: node for node in ast.walk(parsed) for child in ast.iter_child_nodes(node)}
    for backward in _calls_by_name(parsed, "backward"):
        loops = _loops_around(backward, parsed, parents)
        unentered = [loop for loop in loops or () if not _was_entered(loop, module, parents)]
        if unentered:
            loop = unentered[-1] if _is_at_module_level(unentered[-1], parents) else unentered[0]
            return _UnenteredLoop(loop, backward, source.splitlines()[loop.lineno - 1].strip().rstrip(":"))
    return None


def _calls_by_name(parsed: ast.AST, name: str) -> Iterator[ast.Call]:
    """Yield the calls in a syntax tree of functions or methods with this name."""
    for node in ast.walk(parsed):
        if isinstance(node, ast.Call) and name in (getattr(node.func, "attr", ""), getattr(node.func, "id", "")):
            yield node


def _loops_around(
    node: ast.AST, parsed: ast.AST, parents: dict[ast.AST, ast.AST], deepest: int = DEEPEST
) -> list[Loop] | None:
    """Return the loops around a call, innermost first, and those around the call of the function that contains it.

    None if the call depends on a condition, or if no call of its function is found.
    """
    loops: list[Loop] = []
    while (node := parents.get(node, parsed)) is not parsed:
        if isinstance(node, LOOPS):
            loops.append(node)
        if isinstance(node, CONDITIONS) and not _is_main_guard(node):
            return None
        if isinstance(node, FUNCTIONS):
            calls = _calls_by_name(parsed, node.name) if deepest else ()
            around = (_loops_around(call, parsed, parents, deepest - 1) for call in calls)
            first = next((outer for outer in around if outer is not None), None)
            return None if first is None else [*loops, *first]
    return loops


def _is_main_guard(node: ast.AST) -> bool:
    """Return whether a syntax node is the statement `if __name__ == ...`."""
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)


def _is_at_module_level(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    """Return whether a syntax node is at module level, outside functions and classes."""
    while (parent := parents.get(node)) is not None:
        if isinstance(parent, (*FUNCTIONS, ast.ClassDef)):
            return False
        node = parent
    return True


def _was_entered(loop: Loop, module: ModuleType, parents: dict[ast.AST, ast.AST]) -> bool:
    """Return whether a loop was certainly entered: it is at module level, and its loop variable exists."""
    if isinstance(loop, ast.While) or not _is_at_module_level(loop, parents):
        return False
    names = [node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)]
    return any(hasattr(module, name) for name in names)
