"""Where a script freezes parameters, and whose they are.

for p in net.body.parameters():     # net.body's
    p.requires_grad = False
net.embedding.requires_grad_(False)
freeze(net.body)                    # where `def freeze(module)` does nothing else
"""

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from descend.doctor.source.arguments import PARAMETERS
from descend.doctor.source.bindings import nearest_binding
from descend.doctor.source.functions import calls_of, function_around, given_arguments, parameter_names
from descend.doctor.source.names import assigned_value
from descend.doctor.source.syntax import Syntax, first_name, last_name

PARTS = PARAMETERS | {"children", "named_children", "modules", "named_modules"}
NAMED = {"startswith", "endswith"}  # `p.requires_grad = name.startswith("head")` freezes the others
OWNERS = 8  # steps from a parameter to the module that it is of
Flag = cst.BaseExpression


@dataclass(frozen=True, eq=False)
class Freeze:
    """What to take away: a statement, or a call that gives way to its receiver; and whose parameters it freezes."""

    node: cst.CSTNode
    owner: str  # dotted, `net.layers.0`; "" when it cannot be told


def find_freezes(syntax: Syntax) -> Iterator[Freeze]:
    """Yield every place that freezes parameters, in the order of the text."""
    for assign in syntax.every(cst.Assign):
        target = assign.targets[0].target
        if isinstance(target, cst.Attribute) and last_name(target) == "requires_grad":
            yield from _freezes(syntax, assign, target.value, assign.value)
    for call in syntax.every(cst.Call):
        if isinstance(call.func, cst.Attribute) and last_name(call.func) == "requires_grad_" and call.args:
            yield from _freezes(syntax, _statement(syntax, call) or call, call.func.value, call.args[0].value)


def _statement(syntax: Syntax, call: cst.Call) -> cst.Expr | None:
    """Return the statement that is this call, or a comprehension of it, and nothing else."""
    outer: cst.CSTNode = syntax.parents[call]
    if isinstance(outer, cst.ListComp | cst.GeneratorExp) and outer.elt is call:
        outer = syntax.parents[outer]
    return outer if isinstance(outer, cst.Expr) else None


def _freezes(syntax: Syntax, node: cst.CSTNode, frozen: cst.BaseExpression, value: Flag) -> Iterator[Freeze]:
    owner = _owner(syntax, frozen, node)
    function = function_around(syntax, node)
    names = parameter_names(function) if function is not None else []
    root = owner.split(".")[0]
    flag = value.value if isinstance(value, cst.Name) and value.value in names else ""
    if not flag and not _is_false(value):
        return
    if function is None or root not in names or root == "self":
        yield from [] if flag else [Freeze(node, owner)]
        return
    given = [(call, given_arguments(function, call)) for call in calls_of(syntax, function)]
    if flag or _is_all_of(syntax, node, function):
        for call, values in given:
            statement = syntax.parents[call]
            is_freezing = not flag or (flag in values and _is_false(values[flag]))
            if isinstance(statement, cst.Expr) and is_freezing and root in values:
                yield Freeze(statement, _dotted(syntax, values[root]) + owner.removeprefix(root))
        return
    owners = {_dotted(syntax, values[root]) + owner.removeprefix(root) for _, values in given if root in values}
    yield Freeze(node, owners.pop() if len(owners) == 1 else "")


def _is_false(value: Flag) -> bool:
    if isinstance(value, cst.Call):
        return last_name(value.func) in NAMED
    if isinstance(value, cst.UnaryOperation):
        return isinstance(value.operator, cst.Not)
    return isinstance(value, cst.Comparison) or (isinstance(value, cst.Name) and value.value == "False")


def _is_all_of(syntax: Syntax, node: cst.CSTNode, function: cst.FunctionDef) -> bool:
    statements = [s for s in function.body.body if not _is_text(s)]
    return len(statements) == 1 and (statements[0] is node or statements[0] in set(syntax.ancestors(node)))


def _is_text(statement: cst.CSTNode) -> bool:
    part = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else statement
    return isinstance(part, cst.Expr) and isinstance(part.value, cst.SimpleString)


def _owner(syntax: Syntax, frozen: cst.BaseExpression, at: cst.CSTNode) -> str:
    """Return whose parameters `frozen` are, as read at `at`, through the loops over them."""
    code = _dotted(syntax, frozen)
    for _ in range(OWNERS):
        root, _, rest = code.partition(".")
        bound = nearest_binding(syntax, root, at)
        if bound is None or bound.kind != "iterated" or bound.value is None:
            break
        calls = [c for c in syntax.every(cst.Call, bound.value) if last_name(c.func) in PARTS]
        owners = [_dotted(syntax, c.func.value) for c in calls if isinstance(c.func, cst.Attribute)]
        code, at = (owners[0] if len(owners) == 1 else ""), bound.node
        if not code:
            break
    name = first_name(frozen)
    behind = assigned_value(syntax, name) if name is not None and code.split(".")[0] == name.value else None
    is_alias = isinstance(behind, cst.Attribute)
    return _dotted(syntax, behind) + code.removeprefix(root) if is_alias and behind is not None else code


def _dotted(syntax: Syntax, value: cst.BaseExpression) -> str:
    """Return `net.layers.0` for `net.layers[0]`; up to where it can be told, or "" for no name."""
    if isinstance(value, cst.Name):
        return value.value
    if isinstance(value, cst.Attribute):
        before = _dotted(syntax, value.value)
        return f"{before}.{value.attr.value}" if before else ""
    if isinstance(value, cst.Subscript):
        index = value.slice[0].slice
        whole = _dotted(syntax, value.value)
        is_told = isinstance(index, cst.Index) and isinstance(index.value, cst.Integer)
        return f"{whole}.{syntax.code(index)}" if is_told and whole else whole
    return ""
