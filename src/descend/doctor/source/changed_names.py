"""The name whose value a statement makes into another one: `x = x / 255`, `x[0] = 1`, `x.clamp_(0)`, `shuffle(y)`."""

import libcst as cst

from descend.doctor.source.syntax import Syntax, last_name

IN_PLACE = frozenset({"fill", "put", "shuffle", "sort"})  # of NumPy's and of lists; torch's end in an underscore


def changed_in_place(syntax: Syntax, statement: cst.BaseSmallStatement) -> str:
    """Return the name whose value a statement changes without binding the name; "" where it changes none."""
    if isinstance(statement, cst.AugAssign):
        return base_name(syntax, statement.target)
    if isinstance(statement, cst.Assign) and len(statement.targets) == 1:
        target = statement.targets[0].target
        return base_name(syntax, target) if isinstance(target, cst.Subscript) else ""
    if isinstance(statement, cst.Expr) and isinstance(statement.value, cst.Call):
        return _changed_by_call(syntax, statement.value)
    return ""


def base_name(syntax: Syntax, target: cst.BaseExpression) -> str:
    """Return what is changed where `target` is: `x` of `x[rows, 0]`."""
    while isinstance(target, cst.Subscript):
        target = target.value
    is_value = isinstance(target, cst.Name | cst.Attribute) and not syntax.is_module(target)
    return syntax.code(target) if is_value else ""


def _changed_by_call(syntax: Syntax, call: cst.Call) -> str:
    name = last_name(call.func)
    own = call.func.value if isinstance(call.func, cst.Attribute) and not syntax.is_module(call.func.value) else None
    if own is not None and name.endswith("_") and not name.endswith("__"):
        return base_name(syntax, own)
    if name not in IN_PLACE:
        return ""
    given = call.args[0].value if call.args else own  # rng.shuffle(y), and y.sort()
    return "" if given is None else base_name(syntax, given)
