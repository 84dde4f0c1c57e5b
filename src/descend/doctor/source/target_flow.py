"""Which statements make the targets: the values that predictions are compared with, followed backwards.

x, y = load()
x = normalise(x)                # upstream of the targets: `y` is made of what it makes
y = draw(x)                     # and this one, too
x = x.clip(-3, 3)               # not this one: it changes `x` after `y` was made
loss = criterion(model(x), y)

Statements count in their order, with loops and rebindings. Where a value is one of several (a batch, a tuple, a data
set), its own part alone is followed. What cannot be told apart counts as upstream.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import libcst as cst

from descend.doctor.source.bindings import Binding, all_bindings, loops_around, path_in
from descend.doctor.source.changed_names import changed_in_place
from descend.doctor.source.functions import calls_of, function_around, given_arguments, home_of, parameter_names
from descend.doctor.source.syntax import Syntax
from descend.doctor.source.value_parts import ANY, SIZES, Part, Path, functions_run, parts_of

MOST = 3000  # values that are followed: a file with more is not followed to its end
Scope = tuple[cst.CSTNode, int]  # a call that leads into a function, or a comprehension and the place in it


@dataclass(frozen=True, eq=False)
class _Value:
    """A part of an expression's value, on the path back from a target."""

    expression: cst.BaseExpression
    at: cst.CSTNode  # where it is read
    path: Path = ()  # which part of it
    is_exact: bool = True  # the target has these very numbers: after this they are only moved or converted
    scopes: tuple[Scope, ...] = ()  # that lead here, the innermost last


class TargetFlow:
    """The statements from which the values of some expressions, the targets, come."""

    def __init__(self, syntax: Syntax, targets: Sequence[cst.BaseExpression]) -> None:
        self._syntax = syntax
        self._bindings = _with_changes(syntax)
        self._statements: dict[cst.CSTNode, bool] = {}  # whether the targets have the very numbers that it makes
        self._names: set[str] = set()
        seen: set[tuple[object, ...]] = set()
        waiting = [_Value(target, target) for target in targets]
        while waiting and len(seen) < MOST:
            value = waiting.pop()
            key = (value.expression, value.at, value.path, value.is_exact, value.scopes)
            if key not in seen:
                seen.add(key)
                waiting += self._back(value)
        self._is_known = bool(self._statements) and not waiting

    @property
    def is_known(self) -> bool:
        """Whether there are targets, and all that they come from was followed."""
        return self._is_known

    def is_upstream(self, node: cst.CSTNode) -> bool:
        """Whether targets are made of what a statement, or the one around an expression, makes."""
        return self._statement(node) in self._statements

    def gives_targets(self, node: cst.CSTNode) -> bool:
        """Whether a statement is upstream, and the targets have the very numbers that it makes."""
        return self._statements.get(self._statement(node), False)

    def holds(self, name: str) -> bool:
        """Whether targets are made of what a name holds at some place."""
        return name in self._names

    def _statement(self, node: cst.CSTNode) -> cst.CSTNode:
        around = (node, *self._syntax.ancestors(node))
        return next((n for n in around if isinstance(n, cst.BaseSmallStatement | cst.BaseCompoundStatement)), node)

    def _back(self, value: _Value) -> Iterator[_Value]:
        expression = value.expression
        if isinstance(expression, cst.Name | cst.Attribute):
            if not self._syntax.is_module(expression):
                yield from self._of_name(value, self._syntax.code(expression))
            return
        for part in parts_of(self._syntax, Part(expression, value.path)):
            if part.scope is not None and part.scope in value.scopes:
                continue  # a function that calls itself
            yield _Value(
                part.expression,
                part.expression if part.is_inside else value.at,
                part.path,
                value.is_exact and part.is_exact,
                value.scopes if part.scope is None else (*value.scopes, part.scope),
            )

    # -- names

    def _of_name(self, value: _Value, code: str) -> Iterator[_Value]:
        """Yield what a name, or an attribute, holds where it is read."""
        self._names.add(code)
        if isinstance(value.expression, cst.Attribute):
            if value.expression.attr.value in SIZES:
                return
            yield from self._of_attribute(value, value.expression, code)
            return
        if (own := self._in_comprehension(value, code)) is not None:
            yield own
            return
        inner = function_around(self._syntax, value.at)
        home = inner if inner is not None and self._is_local(inner, code) else self._syntax.module
        own_bindings = [b for b in self._bindings.get(code, []) if home_of(self._syntax, b.node) is home]
        is_bound = False
        for position in self._positions(value, home):
            reaching, is_bound = _reaching(self._syntax, own_bindings, position)
            yield from (v for bound in reaching for v in self._from(value, bound))
        if isinstance(home, cst.FunctionDef) and not is_bound:
            yield from self._given(value, code, home)

    def _of_attribute(self, value: _Value, attribute: cst.Attribute, code: str) -> Iterator[_Value]:
        """Yield what is given to an attribute, or to that of `self` where a class of the file keeps it."""
        name, own = attribute.attr.value, self._bindings.get(code, [])
        kept = own if code.startswith("self.") else [*own, *self._bindings.get(f"self.{name}", [])]
        yield from (v for bound in kept for v in self._from(value, bound))
        if name == "tensors":  # of a TensorDataset
            yield replace(value, expression=attribute.value, path=(ANY, *value.path))
        elif not code.startswith("self.") and len(kept) == len(own):
            yield replace(value, expression=attribute.value, path=())

    def _is_local(self, function: cst.FunctionDef, code: str) -> bool:
        bound = self._bindings.get(code, [])
        return code in parameter_names(function) or any(home_of(self._syntax, b.node) is function for b in bound)

    def _in_comprehension(self, value: _Value, code: str) -> _Value | None:
        """Return what a comprehension's own variable stands for."""
        for outer in self._syntax.ancestors(value.at):
            if isinstance(outer, cst.FunctionDef):
                return None
            loop = outer.for_in if isinstance(outer, cst.BaseComp) else None
            while loop is not None:
                path = path_in(self._syntax, loop.target, code)
                if path is not None:
                    place = next((i for node, i in reversed(value.scopes) if node is outer), ANY)
                    return replace(value, expression=loop.iter, at=outer, path=(place, *path, *value.path))
                loop = loop.inner_for_in
        return None

    def _from(self, value: _Value, bound: Binding) -> Iterator[_Value]:
        """Note the statement that binds or changes a name, and yield what it makes of."""
        statement = self._statement(bound.node)
        self._statements[statement] = self._statements.get(statement, True) and value.is_exact
        if bound.value is not None:
            is_changed = bound.kind == "changed"
            path = () if is_changed else (*bound.path, *value.path)
            path = (ANY, *path) if bound.kind == "iterated" else path
            is_exact = value.is_exact and not is_changed
            yield replace(value, expression=bound.value, at=bound.node, path=path, is_exact=is_exact)

    def _given(self, value: _Value, code: str, function: cst.FunctionDef) -> Iterator[_Value]:
        """Yield what a function's calls give to a parameter: the one call that leads here, or all of them."""
        if function.name.value == "__getitem__":
            return  # an index, which a loader gives
        known = [i for i, (node, _) in enumerate(value.scopes) if self._runs(node, function)]
        calls = [value.scopes[known[-1]][0]] if known else calls_of(self._syntax, function)
        scopes = value.scopes[: known[-1]] if known else ()
        for call in calls:
            given = given_arguments(function, call).get(code) if isinstance(call, cst.Call) else None
            if given is not None:
                yield replace(value, expression=given, at=call, scopes=scopes)

    def _runs(self, node: cst.CSTNode, function: cst.FunctionDef) -> bool:
        return isinstance(node, cst.Call) and function in functions_run(self._syntax, node)

    def _positions(self, value: _Value, home: cst.CSTNode) -> list[cst.CSTNode | None]:
        """Return where in a function, or in the file, a name is read: there, or where what reads it is called.

        None where that is not known: then all that binds it counts.
        """
        if home_of(self._syntax, value.at) is home:
            return [value.at]
        leading = [node for node, _ in value.scopes if isinstance(node, cst.Call)]
        inner = function_around(self._syntax, value.at)
        called = [call for call in (leading or (calls_of(self._syntax, inner) if inner is not None else []))]
        return [call for call in called if home_of(self._syntax, call) is home] or [None]


def _with_changes(syntax: Syntax) -> dict[str, list[Binding]]:
    """Return all that binds or changes each name, in the order of the text."""
    found = {code: [*bound] for code, bound in all_bindings(syntax).items()}
    for statement in syntax.every(cst.BaseSmallStatement):  # type: ignore[type-abstract]
        name = changed_in_place(syntax, statement)
        if name and not isinstance(statement, cst.AugAssign):
            value = statement.value if isinstance(statement, cst.Assign | cst.Expr) else None
            found.setdefault(name, []).append(Binding("changed", statement, value))
    for bound in found.values():
        bound.sort(key=lambda b: _begin(syntax, b.node))
    return found


def _reaching(syntax: Syntax, bound: list[Binding], position: cst.CSTNode | None) -> tuple[list[Binding], bool]:
    """Return what may have given a name its value at a place, the last first, and whether something surely has."""
    if position is None:
        return bound, False
    around, found = {*syntax.ancestors(position)}, []
    loops, last = loops_around(syntax, position), None
    begin = _begin(syntax, position)
    for each in reversed(bound):
        if _begin(syntax, each.node) < begin and (each.node not in around or isinstance(each.node, cst.For)):
            found.append(each)
            if each.kind != "changed" and _always_runs(syntax, each, around):
                last = each.node
                break
    again = [loop for loop in loops if last is None or loop not in syntax.ancestors(last) and loop is not last]
    later = [b for b in bound if b not in found and any(loop in syntax.ancestors(b.node) for loop in again)]
    return [*found, *(b for b in later if _begin(syntax, b.node) >= begin or b.node in around)], last is not None


def _always_runs(syntax: Syntax, bound: Binding, around: set[cst.CSTNode]) -> bool:
    """Whether a place is reached only after that binding: it is in a block around the place, or the loop's own."""
    if isinstance(bound.node, cst.For):
        return bound.node in around
    block = next((n for n in syntax.ancestors(bound.node) if isinstance(n, cst.BaseSuite | cst.Module)), None)
    return block in around


def _begin(syntax: Syntax, node: cst.CSTNode) -> tuple[int, int]:
    start = syntax.spans[node].start
    return start.line, start.column
