"""Where a loop's variables come from: the binding of a name that is nearest before a point of the program."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import libcst as cst

from descend.doctor.source.functions import Function, home_of, parameter_names
from descend.doctor.source.names import is_target
from descend.doctor.source.syntax import Syntax, descendants, last_name

Loop = cst.For | cst.While


@dataclass(frozen=True, eq=False)
class Binding:
    """One place that gives a name its value."""

    kind: str  # assigned, changed (`x /= 255`), iterated (`for x in …`), parameter
    node: cst.CSTNode  # the assignment, the loop, or the function
    value: cst.BaseExpression | None = None  # what is assigned, added, or iterated over
    path: tuple[int, ...] = ()  # which part of the value: (1, 0) is x in `for i, (x, y) in …`


def loops_around(syntax: Syntax, node: cst.CSTNode) -> list[Loop]:
    """Return the loops that hold the node, the outermost first."""
    return [outer for outer in syntax.ancestors(node) if isinstance(outer, Loop)][::-1]


def outermost_loop(syntax: Syntax, node: cst.CSTNode) -> cst.CSTNode:
    """Return the outermost loop around the node; the whole file where a function does one step."""
    return next(iter(loops_around(syntax, node)), syntax.module)


def nearest_binding(syntax: Syntax, code: str, at: cst.CSTNode) -> Binding | None:
    """Return what binds the name `code` last before `at`, inside the outermost loop around it.

    Without a loop: inside its function. None when the name comes from further out.
    """
    loops = loops_around(syntax, at)
    inner: cst.CSTNode = at
    for outer in syntax.ancestors(at):
        found = _among_earlier(syntax, code, outer, inner) or _by_head(syntax, code, outer, inner)
        if found is not None or outer in loops[:1] or (not loops and isinstance(outer, Function)):
            return found
        inner = outer
    return None


def _among_earlier(syntax: Syntax, code: str, outer: cst.CSTNode, inner: cst.CSTNode) -> Binding | None:
    if isinstance(outer, cst.Module):  # no loop and no function holds it: the name is in reach
        return None
    if not isinstance(outer, cst.BaseSuite | cst.SimpleStatementLine):
        return None
    statements = list(outer.body)
    for statement in reversed(statements[: statements.index(inner)]):
        for target in reversed(list(_targets(syntax, statement))):
            if syntax.code(target) == code:
                return _binding_of(syntax, target)
    return None


def _by_head(syntax: Syntax, code: str, outer: cst.CSTNode, inner: cst.CSTNode) -> Binding | None:
    """Return the binding by the loop, comprehension or function that `outer` is."""
    if isinstance(outer, cst.For) and inner is outer.body:
        return _iterated(syntax, code, outer, outer.target, outer.iter)
    if isinstance(outer, cst.BaseComp) and inner is not outer.for_in:
        return _by_comprehension(syntax, code, outer)
    if isinstance(outer, Function) and code in parameter_names(outer):
        return Binding("parameter", outer)
    return None


def _by_comprehension(syntax: Syntax, code: str, comprehension: cst.BaseComp) -> Binding | None:
    loops = [loop for loop in descendants(comprehension.for_in) if isinstance(loop, cst.CompFor)]
    found = [_iterated(syntax, code, comprehension, loop.target, loop.iter) for loop in loops]
    return next((bound for bound in reversed(found) if bound is not None), None)  # the innermost counts


def _iterated(
    syntax: Syntax, code: str, node: cst.CSTNode, target: cst.BaseExpression, value: cst.BaseExpression
) -> Binding | None:
    path = path_in(syntax, target, code)
    return None if path is None else Binding("iterated", node, value, path)


def path_in(syntax: Syntax, target: cst.BaseExpression, code: str) -> tuple[int, ...] | None:
    """Return which part of an unpacked value goes to `code`: () is the whole, None is no part."""
    if isinstance(target, cst.Tuple | cst.List):
        for i, element in enumerate(target.elements):
            inner = path_in(syntax, element.value, code)
            if inner is not None:
                return (i, *inner)
        return None
    return () if syntax.code(target) == code else None


def one_of_series(iterated: cst.BaseExpression, part: int) -> cst.BaseExpression | None:
    """Return the series that a part of each step comes from: `b` of part 1 of `zip(a, b)` and of `enumerate(b)`."""
    name = last_name(iterated.func) if isinstance(iterated, cst.Call) else ""
    given = iterated.args if isinstance(iterated, cst.Call) else ()
    if name == "enumerate" and part == 1 and given:
        return given[0].value
    return given[part].value if name == "zip" and part < len(given) else None


def every_binding(syntax: Syntax, name: cst.Name) -> list[Binding]:
    """Return all that binds a name in its own function, in the order of the text, or in a comprehension around it."""
    home, code = home_of(syntax, name), name.value
    own = [t for t in _targets(syntax, home) if syntax.code(t) == code and home_of(syntax, t) is home]
    around = [_by_comprehension(syntax, code, c) for c in syntax.ancestors(name) if isinstance(c, cst.BaseComp)]
    return [*(_binding_of(syntax, target) for target in own), *(bound for bound in around if bound is not None)]


def bound_in(syntax: Syntax, node: cst.CSTNode) -> set[str]:
    """Return the names and attributes that are given a value anywhere in `node`."""
    return {syntax.code(target) for target in _targets(syntax, node)}


def targets_of(syntax: Syntax, code: str) -> list[cst.CSTNode]:
    """Return every place in the file that gives the name or the attribute `code` a value."""
    return [target for target in _targets(syntax, syntax.module) if syntax.code(target) == code]


@lru_cache(maxsize=8)
def all_bindings(syntax: Syntax) -> dict[str, list[Binding]]:
    """Return all that binds each name or attribute in the file, in the order of the text; no comprehension's own."""
    found: dict[str, list[Binding]] = {}
    for target in _targets(syntax, syntax.module):
        found.setdefault(syntax.code(target), []).append(_binding_of(syntax, target))
    return found


def _targets(syntax: Syntax, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    for part in descendants(node):
        if isinstance(part, cst.Name | cst.Attribute) and _is_bound_here(syntax, part):
            yield part


def _is_bound_here(syntax: Syntax, node: cst.CSTNode) -> bool:
    if is_target(syntax, node):
        return True
    outermost = node
    while isinstance(holder := syntax.parents[outermost], cst.Element | cst.Tuple | cst.List):
        outermost = holder
    if isinstance(holder, cst.For | cst.NamedExpr):
        return holder.target is outermost
    return isinstance(holder, cst.AsName)


def _binding_of(syntax: Syntax, target: cst.CSTNode) -> Binding:
    outermost: cst.CSTNode = target
    for outer in syntax.ancestors(target):
        if isinstance(outer, cst.For):
            return Binding("iterated", outer, outer.iter, _path(syntax, outermost, target))
        if isinstance(outer, cst.Assign | cst.AnnAssign | cst.NamedExpr):
            return Binding("assigned", outer, outer.value, _path(syntax, outermost, target))
        if isinstance(outer, cst.AugAssign):
            return Binding("changed", outer, outer.value)
        if isinstance(outer, cst.BaseSmallStatement | cst.BaseStatement):
            return Binding("changed", outer)
        if isinstance(outer, cst.BaseExpression):
            outermost = outer
    return Binding("changed", target)


def _path(syntax: Syntax, outermost: cst.CSTNode, target: cst.CSTNode) -> tuple[int, ...]:
    assert isinstance(outermost, cst.BaseExpression)
    return path_in(syntax, outermost, syntax.code(target)) or ()
