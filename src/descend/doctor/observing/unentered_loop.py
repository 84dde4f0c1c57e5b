"""The training loop of a run that never called `backward()`: which loop around that call was not entered."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from descend.doctor.observing.frames import SourceTree
from descend.doctor.record import Fact, Message, Site, facts, is_installed

Loop = ast.For | ast.AsyncFor | ast.While
LOOPS = (ast.For, ast.AsyncFor, ast.While)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
CONDITIONS = (ast.If, ast.IfExp, ast.Match, ast.BoolOp)  # below these a call may be left out on purpose
DEEPEST = 6  # functions between the module and the call of backward()


def unentered_loop(tree: SourceTree) -> list[Message]:
    """Return the loop that was not entered, of a script in which `backward()` was never called; nothing if unclear."""
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None) or ""
        if not file.endswith(".py") or is_installed(file) or not tree.is_of_script(file):
            continue
        found = _in_module(module, Path(file))
        if found is not None:
            loop, backward = found.loop, found.backward
            place = (tree.original(file), loop.lineno, loop.col_offset)
            fact = facts.UnenteredLoop(found.header, backward.lineno)
            return [Site("unentered_loop", "", *place), Fact.of(fact, 0)]
    return []


@dataclass(frozen=True)
class _Found:
    loop: Loop
    backward: ast.Call
    header: str


def _in_module(module: ModuleType, file: Path) -> _Found | None:
    try:
        source = file.read_text("utf-8")
        parsed = ast.parse(source)
    except (OSError, ValueError, SyntaxError):
        return None
    parents = {child: node for node in ast.walk(parsed) for child in ast.iter_child_nodes(node)}
    for backward in _calls(parsed, "backward"):
        loops = _loops_around(backward, parsed, parents)
        unentered = [loop for loop in loops or () if not _was_entered(loop, module, parents)]
        if unentered:
            loop = unentered[-1] if _is_of_module(unentered[-1], parents) else unentered[0]
            return _Found(loop, backward, source.splitlines()[loop.lineno - 1].strip().rstrip(":"))
    return None


def _calls(parsed: ast.AST, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(parsed):
        if isinstance(node, ast.Call) and name in (getattr(node.func, "attr", ""), getattr(node.func, "id", "")):
            yield node


def _loops_around(
    node: ast.AST, parsed: ast.AST, parents: dict[ast.AST, ast.AST], deepest: int = DEEPEST
) -> list[Loop] | None:
    """Return the loops that a call is in, innermost first, with those around the calls of its function.

    None if the call depends on a condition, or if no call of its function is found.
    """
    loops: list[Loop] = []
    while (node := parents.get(node, parsed)) is not parsed:
        if isinstance(node, LOOPS):
            loops.append(node)
        if isinstance(node, CONDITIONS) and not _is_main_guard(node):
            return None
        if isinstance(node, FUNCTIONS):
            calls = _calls(parsed, node.name) if deepest else ()
            around = (_loops_around(call, parsed, parents, deepest - 1) for call in calls)
            first = next((outer for outer in around if outer is not None), None)
            return None if first is None else [*loops, *first]
    return loops


def _is_main_guard(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)


def _is_of_module(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    while (parent := parents.get(node)) is not None:
        if isinstance(parent, (*FUNCTIONS, ast.ClassDef)):
            return False
        node = parent
    return True


def _was_entered(loop: Loop, module: ModuleType, parents: dict[ast.AST, ast.AST]) -> bool:
    """Whether a loop was entered for sure: at module level the first entry gives the loop's variable a value."""
    if isinstance(loop, ast.While) or not _is_of_module(loop, parents):
        return False
    names = [node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)]
    return any(hasattr(module, name) for name in names)
