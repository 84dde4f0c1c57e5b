"""What a value is made of: through names, lists, and what functions and networks of the file return, and no further."""

from collections.abc import Callable, Iterator

import libcst as cst
from libcst import matchers as m

from descend.source.names import binding, enclosing_class, given_keyword, home_of, value_behind
from descend.source.syntax import Syntax, descendants, last_name

DEPTH = 12  # names and functions from the value
ADDING = m.Name("append") | m.Name("extend")
Part = tuple[cst.CSTNode, int | None]  # a value, and which of those that it gives
Ends = Callable[[cst.CSTNode], bool]


def made_of(syntax: Syntax, value: cst.CSTNode, ends: Ends = lambda node: False) -> Iterator[cst.BaseExpression]:
    """Yield the expressions that a value is made of, itself first; ends: where it is followed no further."""
    return _made_of(syntax, value, ends, DEPTH, set())


def _made_of(
    syntax: Syntax, value: cst.CSTNode, ends: Ends, depth: int, seen: set[Part], part: int | None = None
) -> Iterator[cst.BaseExpression]:
    """Follow a value; part: which of several that a call returns."""
    if (value, part) in seen or not depth:
        return
    seen.add((value, part))
    for node in _within(value, ends):
        if isinstance(node, cst.BaseExpression):
            yield node
        if isinstance(node, cst.Name):
            for given, which in given_to(syntax, node):
                yield from _made_of(syntax, given, ends, depth - 1, seen, which)
        if isinstance(node, cst.Call):
            for function in called_functions(syntax, node):
                for returned in _returned(syntax, function, part if node is value else None):
                    yield from _made_of(syntax, returned, ends, depth - 1, seen)


def _within(node: cst.CSTNode, ends: Ends) -> Iterator[cst.CSTNode]:
    if ends(node):
        return
    yield node
    for child in node.children:
        yield from _within(child, ends)


def is_list(syntax: Syntax, value: cst.CSTNode, part: int | None = None, depth: int = DEPTH) -> bool:
    """Whether a value is a list: written as one, or what holds or returns one."""
    if isinstance(value, cst.List | cst.ListComp) or not depth:
        return depth > 0
    given: list[tuple[cst.BaseExpression, int | None]] = []
    if isinstance(value, cst.Name):
        given = _assigned_to(syntax, value)
    if isinstance(value, cst.Call):
        given = [(r, None) for function in called_functions(syntax, value) for r in _returned(syntax, function, part)]
    return any(is_list(syntax, expression, which, depth - 1) for expression, which in given)


def given_to(syntax: Syntax, name: cst.Name) -> list[tuple[cst.BaseExpression, int | None]]:
    """Return what is assigned, added or appended to a name in its own function, or what a loop takes it from.

    With it which of several values it is, where one call gives them.
    """
    home = home_of(syntax, name)
    loops: list[cst.For | cst.CompFor] = [*syntax.every(cst.For, home), *syntax.every(cst.CompFor, home)]
    taken = [loop.iter for loop in loops if name.value in _names_in(loop.target) and home_of(syntax, loop) is home]
    added = m.Call(func=m.Attribute(value=m.Name(name.value), attr=ADDING), args=[m.Arg()])
    taken += [call.args[0].value for call in syntax.every(cst.Call, home) if m.matches(call, added)]
    taken += _passed_to(syntax, name, home)
    return [*_assigned_to(syntax, name), *((value, None) for value in taken)]


def _passed_to(syntax: Syntax, name: cst.Name, home: cst.CSTNode) -> Iterator[cst.BaseExpression]:
    """Yield what the calls of this file pass on under the name, where it is its function's parameter."""
    if not isinstance(home, cst.FunctionDef):
        return
    parameters = [parameter.name.value for parameter in home.params.params]
    if name.value not in parameters:
        return
    index = parameters.index(name.value) - (parameters[0] == "self")
    for call in syntax.every(cst.Call):
        if last_name(call.func) == home.name.value and not any(argument.star for argument in call.args):
            named = given_keyword(call, name.value)
            plain = [argument.value for argument in call.args if argument.keyword is None]
            if named is not None or 0 <= index < len(plain):
                yield plain[index] if named is None else named


def _assigned_to(syntax: Syntax, name: cst.Name) -> list[tuple[cst.BaseExpression, int | None]]:
    """Return what is assigned or added to a name; of what comes before it is read the last alone where that is sure."""
    home = home_of(syntax, name)
    found: list[tuple[cst.Assign | cst.AugAssign, cst.BaseExpression]] = []
    for assign in syntax.every(cst.Assign, home):
        targets = [t.target for t in assign.targets if name.value in _names_in(t.target)]
        found += [(assign, target) for target in targets if home_of(syntax, target) is home]
    for added in syntax.every(cst.AugAssign, home):
        if isinstance(added.target, cst.Name) and added.target.value == name.value:
            found.append((added, added.target))
    around = set(syntax.ancestors(name))
    sure = [
        assign for assign, _ in found if isinstance(assign, cst.Assign) and _is_before(syntax, assign, name, around)
    ]
    if sure:
        since, until = max(map(syntax.line, sure)), syntax.line(name)
        found = [(a, t) for a, t in found if a in sure and syntax.line(a) == since or since < syntax.line(a) < until]
    return [_element(target, assign.value, name.value) for assign, target in found]


def _is_before(syntax: Syntax, assign: cst.Assign, name: cst.Name, around: set[cst.CSTNode]) -> bool:
    """Whether an assignment has been made whenever the name is read: above it, in its block or one around that."""
    block = syntax.parents[syntax.parents[assign]]
    return assign not in around and block in around and syntax.line(assign) < syntax.line(name)


def _names_in(target: cst.CSTNode) -> set[str]:
    return {node.value for node in (target, *descendants(target)) if isinstance(node, cst.Name)}


def _element(target: cst.CSTNode, value: cst.BaseExpression, name: str) -> tuple[cst.BaseExpression, int | None]:
    """Return what of an assigned value a name among its targets is given, or the value and which part of it."""
    if not isinstance(target, cst.Tuple | cst.List):
        return value, None
    index = next(i for i, element in enumerate(target.elements) if name in _names_in(element.value))
    if isinstance(value, cst.Tuple | cst.List) and len(value.elements) == len(target.elements):
        return value.elements[index].value, None
    return value, index


def _returned(syntax: Syntax, function: cst.FunctionDef, part: int | None) -> Iterator[cst.BaseExpression]:
    """Yield what a function returns, or that part of what is written as several."""
    for value in (statement.value for statement in syntax.every(cst.Return, function)):
        if part is not None and isinstance(value, cst.Tuple) and part < len(value.elements):
            yield value.elements[part].value
        elif value is not None:
            yield value


def called_functions(syntax: Syntax, call: cst.Call) -> list[cst.FunctionDef]:
    """Return the functions of this file that a call may run: by its name, a method's, or a network's forward."""
    bound = binding(syntax, call.func) if isinstance(call.func, cst.Name) else None
    if bound is not None and isinstance(bound.node, cst.FunctionDef):
        return [bound.node]
    if isinstance(call.func, cst.Attribute):
        owner = enclosing_class(syntax, call) if m.matches(call.func.value, m.Name("self")) else None
        around = syntax.module if owner is None else owner
        named = [f for f in syntax.every(cst.FunctionDef, around) if f.name.value == call.func.attr.value]
        if len(named) == 1 and enclosing_class(syntax, named[0]) is not None:
            return named
    made = value_behind(syntax, call.func)
    kind = last_name(made.func) if isinstance(made, cst.Call) else ""
    if not kind and not is_parameter(syntax, call.func):
        return []
    classes = [c for c in syntax.every(cst.ClassDef) if c.name.value == kind or not kind]  # one that is passed on: any
    return [f for c in classes for f in syntax.every(cst.FunctionDef, c) if f.name.value == "forward"]


def is_parameter(syntax: Syntax, callee: cst.BaseExpression) -> bool:
    """Whether what is called is a function's parameter: `def step(net, x): net(x)`."""
    bound = binding(syntax, callee) if isinstance(callee, cst.Name) else None
    return bound is not None and isinstance(bound.node, cst.Param)
