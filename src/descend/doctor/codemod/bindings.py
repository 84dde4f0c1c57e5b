"""Find the code that gives a name its value: assignments, loops and function parameters."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

import libcst as cst

from descend.doctor.codemod.functions import Function, enclosing_scope, parameter_names
from descend.doctor.codemod.names import is_target
from descend.doctor.codemod.syntax import Syntax, descendants, last_name

Loop = cst.For | cst.While


class BindingKind(Enum):
    """The way in which a name gets its value."""

    ASSIGNED = auto()
    CHANGED = auto()  # changed by a statement such as ``x /= 255``
    ITERATED = auto()  # bound as the variable of a loop or comprehension
    PARAMETER = auto()


@dataclass(frozen=True, eq=False)
class Binding:
    """A place in the source at which a name gets its value."""

    kind: BindingKind
    node: cst.CSTNode  # the assignment, the loop, or the function with the parameter
    value: cst.BaseExpression | None = None  # the assigned value, or what a loop iterates over
    path: tuple[int, ...] = ()  # indices of the name in an unpacked value: (1, 0) for x in `for i, (x, y) in …`


def loops_around(syntax: Syntax, node: cst.CSTNode) -> list[Loop]:
    """Return the loops that contain the node, the outermost loop first."""
    return [outer for outer in syntax.ancestors(node) if isinstance(outer, Loop)][::-1]


def outermost_loop(syntax: Syntax, node: cst.CSTNode) -> cst.CSTNode:
    """Return the outermost loop that contains the node, or the whole file if no loop contains it."""
    return next(iter(loops_around(syntax, node)), syntax.module)


def nearest_binding(syntax: Syntax, code: str, at: cst.CSTNode) -> Binding | None:
    """Return the last binding of the name `code` before the node `at`, within the outermost loop that contains `at`.

    Without a loop, the enclosing function is searched. Return None if the name is bound further outside.
    """
    loops = loops_around(syntax, at)
    inner: cst.CSTNode = at
    for outer in syntax.ancestors(at):
        found = _binding_in_earlier_statements(syntax, code, outer, inner) or _binding_in_header(
            syntax, code, outer, inner
        )
        if found is not None or outer in loops[:1] or (not loops and isinstance(outer, Function)):
            return found
        inner = outer
    return None


def _binding_in_earlier_statements(syntax: Syntax, code: str, outer: cst.CSTNode, inner: cst.CSTNode) -> Binding | None:
    """Return the last binding of a name in the statements of a block that precede the statement `inner`."""
    if not isinstance(outer, cst.BaseSuite | cst.SimpleStatementLine):
        return None
    statements = list(outer.body)
    for statement in reversed(statements[: statements.index(inner)]):
        for target in reversed(list(_bound_nodes(syntax, statement))):
            if syntax.code(target) == code:
                return _binding_of_target(syntax, target)
    return None


def _binding_in_header(syntax: Syntax, code: str, outer: cst.CSTNode, inner: cst.CSTNode) -> Binding | None:
    """Return the binding of a name as a loop variable, a comprehension's variable or a function's parameter."""
    if isinstance(outer, cst.For) and inner is outer.body:
        return _iterated_binding(syntax, code, outer, outer.target, outer.iter)
    if isinstance(outer, cst.BaseComp) and inner is not outer.for_in:
        return _binding_in_comprehension(syntax, code, outer)
    if isinstance(outer, Function) and code in parameter_names(outer):
        return Binding(BindingKind.PARAMETER, outer)
    return None


def _binding_in_comprehension(syntax: Syntax, code: str, comprehension: cst.BaseComp) -> Binding | None:
    """Return the binding of a name as a variable of a comprehension, or None."""
    loops = [loop for loop in descendants(comprehension.for_in) if isinstance(loop, cst.CompFor)]
    found = [_iterated_binding(syntax, code, comprehension, loop.target, loop.iter) for loop in loops]
    return next((bound for bound in reversed(found) if bound is not None), None)


def _iterated_binding(
    syntax: Syntax, code: str, node: cst.CSTNode, target: cst.BaseExpression, value: cst.BaseExpression
) -> Binding | None:
    """Return the binding of a name as the variable of a loop, or None if the loop does not bind it."""
    path = unpacking_path(syntax, target, code)
    return None if path is None else Binding(BindingKind.ITERATED, node, value, path)


def unpacking_path(syntax: Syntax, target: cst.BaseExpression, code: str) -> tuple[int, ...] | None:
    """Return the indices of a name in an unpacking target: () for the whole target, None if the target lacks it."""
    if isinstance(target, cst.Tuple | cst.List):
        for i, element in enumerate(target.elements):
            inner = unpacking_path(syntax, element.value, code)
            if inner is not None:
                return (i, *inner)
        return None
    return () if syntax.code(target) == code else None


def iterable_of_part(iterated: cst.BaseExpression, part: int) -> cst.BaseExpression | None:
    """Return the iterable of one item in a loop over tuples: ``b`` for item 1 of ``zip(a, b)`` or ``enumerate(b)``."""
    name = last_name(iterated.func) if isinstance(iterated, cst.Call) else ""
    given = iterated.args if isinstance(iterated, cst.Call) else ()
    if name == "enumerate" and part == 1 and given:
        return given[0].value
    return given[part].value if name == "zip" and part < len(given) else None


def bindings_of_name(syntax: Syntax, name: cst.Name) -> list[Binding]:
    """Return all bindings of a name in its function and in comprehensions around it, in source order."""
    home, code = enclosing_scope(syntax, name), name.value
    own = [t for t in _bound_nodes(syntax, home) if syntax.code(t) == code and enclosing_scope(syntax, t) is home]
    around = [_binding_in_comprehension(syntax, code, c) for c in syntax.ancestors(name) if isinstance(c, cst.BaseComp)]
    return [*(_binding_of_target(syntax, target) for target in own), *(bound for bound in around if bound is not None)]


def names_bound_in(syntax: Syntax, node: cst.CSTNode) -> set[str]:
    """Return the names and attributes to which a node or any statement in it assigns a value."""
    return {syntax.code(target) for target in _bound_nodes(syntax, node)}


def binding_targets(syntax: Syntax, code: str) -> list[cst.CSTNode]:
    """Return every node in the file that gives the name or attribute `code` a value."""
    return [target for target in _bound_nodes(syntax, syntax.module) if syntax.code(target) == code]


@lru_cache(maxsize=8)
def bindings_by_name(syntax: Syntax) -> dict[str, list[Binding]]:
    """Return all bindings in a file, grouped by name or attribute, except variables of comprehensions."""
    found: dict[str, list[Binding]] = {}
    for target in _bound_nodes(syntax, syntax.module):
        found.setdefault(syntax.code(target), []).append(_binding_of_target(syntax, target))
    return found


def _bound_nodes(syntax: Syntax, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield each name and attribute to which a node, or a statement in it, gives a value."""
    for part in descendants(node):
        if isinstance(part, cst.Name | cst.Attribute) and _is_binding_target(syntax, part):
            yield part


def _is_binding_target(syntax: Syntax, node: cst.CSTNode) -> bool:
    """Return whether an assignment, a loop, ``:=`` or ``as`` gives the node's name a value."""
    if is_target(syntax, node):
        return True
    outermost = node
    while isinstance(holder := syntax.parents[outermost], cst.Element | cst.Tuple | cst.List):
        outermost = holder
    if isinstance(holder, cst.For | cst.NamedExpr):
        return holder.target is outermost
    return isinstance(holder, cst.AsName)


def _binding_of_target(syntax: Syntax, target: cst.CSTNode) -> Binding:
    """Return the binding by which a name in the source gets its value."""
    outermost: cst.CSTNode = target
    for outer in syntax.ancestors(target):
        if isinstance(outer, cst.For):
            return Binding(BindingKind.ITERATED, outer, outer.iter, _target_path(syntax, outermost, target))
        if isinstance(outer, cst.Assign | cst.AnnAssign | cst.NamedExpr):
            return Binding(BindingKind.ASSIGNED, outer, outer.value, _target_path(syntax, outermost, target))
        if isinstance(outer, cst.AugAssign):
            return Binding(BindingKind.CHANGED, outer, outer.value)
        if isinstance(outer, cst.BaseSmallStatement | cst.BaseStatement):
            return Binding(BindingKind.CHANGED, outer)
        if isinstance(outer, cst.BaseExpression):
            outermost = outer
    return Binding(BindingKind.CHANGED, target)


def _target_path(syntax: Syntax, outermost: cst.CSTNode, target: cst.CSTNode) -> tuple[int, ...]:
    """Return the indices by which a name is unpacked from the assigned value."""
    assert isinstance(outermost, cst.BaseExpression)
    return unpacking_path(syntax, outermost, syntax.code(target)) or ()
