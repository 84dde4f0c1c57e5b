"""Find the statements that compute the targets: follow the values compared with predictions back to their origin.

x, y = load()
x = normalise(x)                # upstream of the targets, since `y` is computed from its result
y = draw(x)                     # upstream
x = x.clip(-3, 3)               # not upstream: it changes `x` after `y` was computed
loss = criterion(model(x), y)

The analysis is flow-sensitive: it respects the order of statements, loops and rebinding. In a batch, a tuple or a data
set, only the target's own part is followed. If parts cannot be distinguished, all of them count as upstream.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import libcst as cst

from descend.doctor.codemod.bindings import Binding, BindingKind, bindings_by_name, loops_around, unpacking_path
from descend.doctor.codemod.functions import bind_arguments, calls_to, enclosing_scope, function_around, parameter_names
from descend.doctor.codemod.in_place_changes import name_changed_in_place
from descend.doctor.codemod.syntax import Syntax
from descend.doctor.codemod.value_parts import ANY_ELEMENT, METADATA, Part, Path, functions_run_by, parts_of_value

MAX_VALUES = 3000  # largest number of values in a search; a search that reaches it is incomplete
Scope = tuple[cst.CSTNode, int]  # a call and 0, or a comprehension and the index of its element that is used


@dataclass(frozen=True, eq=False)
class _Value:
    """A value, or a part of one, from which the targets are computed."""

    expression: cst.BaseExpression
    at: cst.CSTNode  # the node at which the value is read
    path: Path = ()  # keys and indices that lead to the part of the value that is used
    is_exact: bool = True  # whether the targets have the same numbers, perhaps reordered or converted
    scopes: tuple[Scope, ...] = ()  # the followed calls and comprehensions, innermost last


class TargetFlow:
    """Finds the statements in a file from which the targets are computed."""

    def __init__(self, syntax: Syntax, targets: Sequence[cst.BaseExpression]) -> None:
        self._syntax = syntax
        self._bindings = _bindings_and_changes(syntax)
        self._statements: dict[cst.CSTNode, bool] = {}  # statement -> whether the targets keep the numbers it computes
        self._names: set[str] = set()
        seen: set[tuple[object, ...]] = set()
        waiting = [_Value(target, target) for target in targets]
        while waiting and len(seen) < MAX_VALUES:
            value = waiting.pop()
            key = (value.expression, value.at, value.path, value.is_exact, value.scopes)
            if key not in seen:
                seen.add(key)
                waiting += self._sources(value)
        self._is_known = bool(self._statements) and not waiting

    @property
    def is_known(self) -> bool:
        """Return whether the search for statements that compute the targets found some and was complete."""
        return self._is_known

    def is_upstream(self, node: cst.CSTNode) -> bool:
        """Return whether the targets depend on the statement that is the node or contains it."""
        return self._statement(node) in self._statements

    def keeps_target_values(self, node: cst.CSTNode) -> bool:
        """Return whether the targets depend on the statement, but have the same numbers as its result."""
        return self._statements.get(self._statement(node), False)

    def is_target_name(self, name: str) -> bool:
        """Return whether the targets are computed from a value that the variable `name` holds somewhere in the file."""
        return name in self._names

    def _statement(self, node: cst.CSTNode) -> cst.CSTNode:
        """Return the statement that is the node or contains it."""
        around = (node, *self._syntax.ancestors(node))
        return next((n for n in around if isinstance(n, cst.BaseSmallStatement | cst.BaseCompoundStatement)), node)

    def _sources(self, value: _Value) -> Iterator[_Value]:
        """Yield the values from which a value is computed directly."""
        expression = value.expression
        if isinstance(expression, cst.Name | cst.Attribute):
            if not self._syntax.is_module(expression):
                yield from self._name_sources(value, self._syntax.code(expression))
            return
        for part in parts_of_value(self._syntax, Part(expression, value.path)):
            if part.scope is not None and part.scope in value.scopes:
                continue  # The function calls itself, so the search ends.
            yield _Value(
                part.expression,
                part.expression if part.is_inside else value.at,
                part.path,
                value.is_exact and part.is_exact,
                value.scopes if part.scope is None else (*value.scopes, part.scope),
            )

    def _name_sources(self, value: _Value, code: str) -> Iterator[_Value]:
        """Yield the values that a variable or attribute may have where it is read."""
        self._names.add(code)
        if isinstance(value.expression, cst.Attribute):
            if value.expression.attr.value in METADATA:
                return
            yield from self._attribute_sources(value, value.expression, code)
            return
        if (own := self._comprehension_source(value, code)) is not None:
            yield own
            return
        inner = function_around(self._syntax, value.at)
        home = inner if inner is not None and self._is_local(inner, code) else self._syntax.module
        own_bindings = [b for b in self._bindings.get(code, []) if enclosing_scope(self._syntax, b.node) is home]
        is_bound = False
        for position in self._read_positions(value, home):
            reaching, is_bound = _reaching_bindings(self._syntax, own_bindings, position)
            yield from (v for bound in reaching for v in self._binding_source(value, bound))
        if isinstance(home, cst.FunctionDef) and not is_bound:
            yield from self._argument_sources(value, code, home)

    def _attribute_sources(self, value: _Value, attribute: cst.Attribute, code: str) -> Iterator[_Value]:
        """Yield the values that the file assigns to an attribute, also through ``self`` in a class."""
        name, own = attribute.attr.value, self._bindings.get(code, [])
        kept = own if code.startswith("self.") else [*own, *self._bindings.get(f"self.{name}", [])]
        yield from (v for bound in kept for v in self._binding_source(value, bound))
        if name == "tensors":  # TensorDataset stores its arrays in `tensors`.
            yield replace(value, expression=attribute.value, path=(ANY_ELEMENT, *value.path))
        elif not code.startswith("self.") and len(kept) == len(own):
            yield replace(value, expression=attribute.value, path=())

    def _is_local(self, function: cst.FunctionDef, code: str) -> bool:
        """Return whether the name is a parameter or a variable of the function."""
        bound = self._bindings.get(code, [])
        return code in parameter_names(function) or any(
            enclosing_scope(self._syntax, b.node) is function for b in bound
        )

    def _comprehension_source(self, value: _Value, code: str) -> _Value | None:
        """Return the iterable of the comprehension in which the name is a variable, or None."""
        for outer in self._syntax.ancestors(value.at):
            if isinstance(outer, cst.FunctionDef):
                return None
            loop = outer.for_in if isinstance(outer, cst.BaseComp) else None
            while loop is not None:
                path = unpacking_path(self._syntax, loop.target, code)
                if path is not None:
                    place = next((i for node, i in reversed(value.scopes) if node is outer), ANY_ELEMENT)
                    return replace(value, expression=loop.iter, at=outer, path=(place, *path, *value.path))
                loop = loop.inner_for_in
        return None

    def _binding_source(self, value: _Value, bound: Binding) -> Iterator[_Value]:
        """Record a statement that assigns or changes a name, and yield the value that it uses."""
        statement = self._statement(bound.node)
        self._statements[statement] = self._statements.get(statement, True) and value.is_exact
        if bound.value is not None:
            is_changed = bound.kind is BindingKind.CHANGED
            path = () if is_changed else (*bound.path, *value.path)
            path = (ANY_ELEMENT, *path) if bound.kind is BindingKind.ITERATED else path
            is_exact = value.is_exact and not is_changed
            yield replace(value, expression=bound.value, at=bound.node, path=path, is_exact=is_exact)

    def _argument_sources(self, value: _Value, code: str, function: cst.FunctionDef) -> Iterator[_Value]:
        """Yield the expressions passed for a parameter by the followed call of its function, or else by all calls."""
        if function.name.value == "__getitem__":
            return  # The data loader passes an index.
        known = [i for i, (node, _) in enumerate(value.scopes) if self._calls_function(node, function)]
        calls = [value.scopes[known[-1]][0]] if known else calls_to(self._syntax, function)
        scopes = value.scopes[: known[-1]] if known else ()
        for call in calls:
            given = bind_arguments(function, call).get(code) if isinstance(call, cst.Call) else None
            if given is not None:
                yield replace(value, expression=given, at=call, scopes=scopes)

    def _calls_function(self, node: cst.CSTNode, function: cst.FunctionDef) -> bool:
        """Return whether the node is a call that runs the function."""
        return isinstance(node, cst.Call) and function in functions_run_by(self._syntax, node)

    def _read_positions(self, value: _Value, home: cst.CSTNode) -> list[cst.CSTNode | None]:
        """Return the nodes in the scope `home` at which a name is read, directly or in a function that is called there.

        The position is None if it is unknown. Then every binding of the name counts.
        """
        if enclosing_scope(self._syntax, value.at) is home:
            return [value.at]
        leading = [node for node, _ in value.scopes if isinstance(node, cst.Call)]
        inner = function_around(self._syntax, value.at)
        called = [call for call in (leading or (calls_to(self._syntax, inner) if inner is not None else []))]
        return [call for call in called if enclosing_scope(self._syntax, call) is home] or [None]


def _bindings_and_changes(syntax: Syntax) -> dict[str, list[Binding]]:
    """Return all places in the file that assign or change a name, grouped by name and in source order."""
    found = {code: [*bound] for code, bound in bindings_by_name(syntax).items()}
    for statement in syntax.every(cst.BaseSmallStatement):  # type: ignore[type-abstract]
        name = name_changed_in_place(syntax, statement)
        if name and not isinstance(statement, cst.AugAssign):
            value = statement.value if isinstance(statement, cst.Assign | cst.Expr) else None
            found.setdefault(name, []).append(Binding(BindingKind.CHANGED, statement, value))
    for bound in found.values():
        bound.sort(key=lambda b: syntax.start(b.node))
    return found


def _reaching_bindings(
    syntax: Syntax, bound: list[Binding], position: cst.CSTNode | None
) -> tuple[list[Binding], bool]:
    """Return the bindings that may determine a name's value at a position, and whether one of them always runs."""
    if position is None:
        return bound, False
    around, found = {*syntax.ancestors(position)}, []
    loops, last = loops_around(syntax, position), None
    begin = syntax.start(position)
    for each in reversed(bound):
        if syntax.start(each.node) < begin and (each.node not in around or isinstance(each.node, cst.For)):
            found.append(each)
            if each.kind is not BindingKind.CHANGED and _always_runs(syntax, each, around):
                last = each.node
                break
    again = [loop for loop in loops if last is None or loop not in syntax.ancestors(last) and loop is not last]
    later = [b for b in bound if b not in found and any(loop in syntax.ancestors(b.node) for loop in again)]
    return [*found, *(b for b in later if syntax.start(b.node) >= begin or b.node in around)], last is not None


def _always_runs(syntax: Syntax, bound: Binding, around: set[cst.CSTNode]) -> bool:
    """Return whether the binding always runs before the position, because it is in a block around the position."""
    if isinstance(bound.node, cst.For):
        return bound.node in around
    block = next((n for n in syntax.ancestors(bound.node) if isinstance(n, cst.BaseSuite | cst.Module)), None)
    return block in around
