"""Find the variable whose value a statement changes in place: `x[0] = 1`, `x.clamp_(0)`, `shuffle(y)`."""

import libcst as cst

from descend.doctor.codemod.syntax import Syntax, last_name

# In-place functions of NumPy and of lists, whose names do not end in an underscore as those of torch do.
IN_PLACE_FUNCTIONS = frozenset({"fill", "put", "shuffle", "sort"})


def name_changed_in_place(syntax: Syntax, statement: cst.BaseSmallStatement) -> str:
    """Return the variable whose value a statement changes in place, as ``x[0] = 1`` changes ``x``; "" without one."""
    if isinstance(statement, cst.AugAssign):
        return indexed_name(syntax, statement.target)
    if isinstance(statement, cst.Assign) and len(statement.targets) == 1:
        target = statement.targets[0].target
        return indexed_name(syntax, target) if isinstance(target, cst.Subscript) else ""
    if isinstance(statement, cst.Expr) and isinstance(statement.value, cst.Call):
        return _name_changed_by_call(syntax, statement.value)
    return ""


def indexed_name(syntax: Syntax, target: cst.BaseExpression) -> str:
    """Return the variable of an expression, ``x`` for ``x[rows, 0]`` or ``x``; "" for other expressions."""
    while isinstance(target, cst.Subscript):
        target = target.value
    is_value = isinstance(target, cst.Name | cst.Attribute) and not syntax.is_module(target)
    return syntax.code(target) if is_value else ""


def _name_changed_by_call(syntax: Syntax, call: cst.Call) -> str:
    """Return the variable that a call changes in place, as ``x.clamp_(0)`` changes ``x``; "" without one."""
    name = last_name(call.func)
    own = call.func.value if isinstance(call.func, cst.Attribute) and not syntax.is_module(call.func.value) else None
    if own is not None and name.endswith("_") and not name.endswith("__"):
        return indexed_name(syntax, own)
    if name not in IN_PLACE_FUNCTIONS:
        return ""
    given = call.args[0].value if call.args else own  # `rng.shuffle(y)` and `y.sort()` both change `y`
    return "" if given is None else indexed_name(syntax, given)
