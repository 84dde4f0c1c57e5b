"""Find the statements that freeze parameters, and the modules that own these parameters.

for p in net.body.parameters():     # the owner is net.body
    p.requires_grad = False
net.embedding.requires_grad_(False)
freeze(net.body)                    # if the body of `freeze(module)` only freezes
"""

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.arguments import PARAMETER_METHODS
from descend.doctor.codemod.bindings import BindingKind, nearest_binding
from descend.doctor.codemod.functions import bind_arguments, calls_to, function_around, parameter_names
from descend.doctor.codemod.names import assigned_value
from descend.doctor.codemod.syntax import Syntax, first_name, last_name

MODULE_ITERATORS = PARAMETER_METHODS | {"children", "named_children", "modules", "named_modules"}
# `p.requires_grad = name.startswith("head")` freezes all parameters whose name does not start with "head".
NAME_TESTS = {"startswith", "endswith"}
MAX_LOOPS = 8  # largest number of nested loops that lead from a module to its parameter
Flag = cst.BaseExpression


@dataclass(frozen=True, eq=False)
class Freeze:
    """A statement or call that freezes parameters, and the path of the module that owns these parameters."""

    node: cst.CSTNode
    owner: str  # path of the module, such as `net.layers.0`; "" if it is unknown


def find_freezes(syntax: Syntax) -> Iterator[Freeze]:
    """Yield every statement or call in the file that freezes parameters, in source order."""
    for assign in syntax.every(cst.Assign):
        target = assign.targets[0].target
        if isinstance(target, cst.Attribute) and last_name(target) == "requires_grad":
            yield from _resulting_freezes(syntax, assign, target.value, assign.value)
    for call in syntax.every(cst.Call):
        if isinstance(call.func, cst.Attribute) and last_name(call.func) == "requires_grad_" and call.args:
            yield from _resulting_freezes(
                syntax, _statement_of_call(syntax, call) or call, call.func.value, call.args[0].value
            )


def _statement_of_call(syntax: Syntax, call: cst.Call) -> cst.Expr | None:
    """Return the statement that consists only of this call or of a comprehension that repeats it, or None."""
    outer: cst.CSTNode = syntax.parents[call]
    if isinstance(outer, cst.ListComp | cst.GeneratorExp) and outer.elt is call:
        outer = syntax.parents[outer]
    return outer if isinstance(outer, cst.Expr) else None


def _resulting_freezes(syntax: Syntax, node: cst.CSTNode, frozen: cst.BaseExpression, value: Flag) -> Iterator[Freeze]:
    """Yield the freezes caused by setting ``requires_grad`` to `value`, at `node` or at the calls of its function."""
    owner = _owner_path(syntax, frozen, node)
    function = function_around(syntax, node)
    names = parameter_names(function) if function is not None else []
    root = owner.split(".")[0]
    flag = value.value if isinstance(value, cst.Name) and value.value in names else ""
    if not flag and not _may_be_false(value):
        return
    if function is None or root not in names or root == "self":
        yield from [] if flag else [Freeze(node, owner)]
        return
    given = [(call, bind_arguments(function, call)) for call in calls_to(syntax, function)]
    if flag or _is_only_statement(syntax, node, function):
        for call, values in given:
            statement = syntax.parents[call]
            is_freezing = not flag or (flag in values and _may_be_false(values[flag]))
            if isinstance(statement, cst.Expr) and is_freezing and root in values:
                yield Freeze(statement, _dotted_path(syntax, values[root]) + owner.removeprefix(root))
        return
    owners = {_dotted_path(syntax, values[root]) + owner.removeprefix(root) for _, values in given if root in values}
    yield Freeze(node, owners.pop() if len(owners) == 1 else "")


def _may_be_false(value: Flag) -> bool:
    """Return whether the value that is assigned to ``requires_grad`` may be false for some parameters."""
    if isinstance(value, cst.Call):
        return last_name(value.func) in NAME_TESTS
    if isinstance(value, cst.UnaryOperation):
        return isinstance(value.operator, cst.Not)
    return isinstance(value, cst.Comparison) or (isinstance(value, cst.Name) and value.value == "False")


def _is_only_statement(syntax: Syntax, node: cst.CSTNode, function: cst.FunctionDef) -> bool:
    """Return whether the function's body consists only of this statement and a docstring."""
    statements = [s for s in function.body.body if not _is_docstring(s)]
    return len(statements) == 1 and (statements[0] is node or statements[0] in set(syntax.ancestors(node)))


def _is_docstring(statement: cst.CSTNode) -> bool:
    """Return whether a statement consists only of a string literal, as a docstring does."""
    part = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else statement
    return isinstance(part, cst.Expr) and isinstance(part.value, cst.SimpleString)


def _owner_path(syntax: Syntax, frozen: cst.BaseExpression, at: cst.CSTNode) -> str:
    """Return the path of the module that owns the parameters `frozen`, found by following loops over parameters."""
    code = _dotted_path(syntax, frozen)
    for _ in range(MAX_LOOPS):
        root, _, rest = code.partition(".")
        bound = nearest_binding(syntax, root, at)
        if bound is None or bound.kind is not BindingKind.ITERATED or bound.value is None:
            break
        calls = [c for c in syntax.every(cst.Call, bound.value) if last_name(c.func) in MODULE_ITERATORS]
        owners = [_dotted_path(syntax, c.func.value) for c in calls if isinstance(c.func, cst.Attribute)]
        code, at = (owners[0] if len(owners) == 1 else ""), bound.node
        if not code:
            break
    name = first_name(frozen)
    aliased = assigned_value(syntax, name) if name is not None and code.split(".")[0] == name.value else None
    is_alias = isinstance(aliased, cst.Attribute)
    return _dotted_path(syntax, aliased) + code.removeprefix(root) if is_alias and aliased is not None else code


def _dotted_path(syntax: Syntax, value: cst.BaseExpression) -> str:
    """Return the path of a module as torch names it: ``net.layers.0`` for ``net.layers[0]``; "" for other code."""
    if isinstance(value, cst.Name):
        return value.value
    if isinstance(value, cst.Attribute):
        before = _dotted_path(syntax, value.value)
        return f"{before}.{value.attr.value}" if before else ""
    if isinstance(value, cst.Subscript):
        index = value.slice[0].slice
        whole = _dotted_path(syntax, value.value)
        has_number = isinstance(index, cst.Index) and isinstance(index.value, cst.Integer)
        return f"{whole}.{syntax.code(index)}" if has_number and whole else whole
    return ""
