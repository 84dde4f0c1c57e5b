"""How a script without an optimizer updates its parameters: `w -= lr * w.grad`, `w.data.sub_(lr * w.grad)`."""

import libcst as cst

from descend.source.syntax import Syntax, last_name


def used_gradients(syntax: Syntax) -> list[cst.Attribute]:
    """Return each `.grad` that is read by a statement which changes something by it, in the order of the source."""
    return [read for read in syntax.every(cst.Attribute) if read.attr.value == "grad" and _updates(syntax, read)]


def rates(syntax: Syntax) -> list[cst.BaseExpression]:
    """Return what those gradients are multiplied by."""
    found: dict[int, cst.BaseExpression] = {}
    for read in used_gradients(syntax):
        inner: cst.CSTNode = read
        for outer in syntax.ancestors(read):
            if isinstance(outer, cst.BinaryOperation) and isinstance(outer.operator, cst.Multiply):
                other = outer.left if outer.right is inner else outer.right
                found[id(other)] = other
            if isinstance(outer, cst.BaseSmallStatement):
                break
            inner = outer
    return list(found.values())


def _updates(syntax: Syntax, read: cst.Attribute) -> bool:
    for outer in syntax.ancestors(read):
        if isinstance(outer, cst.BaseSmallStatement):
            called = outer.value if isinstance(outer, cst.Expr) else None
            is_in_place = isinstance(called, cst.Call) and last_name(called.func).endswith("_")
            clears = is_in_place and isinstance(called, cst.Call) and last_name(called.func) == "zero_"
            return isinstance(outer, cst.AugAssign | cst.Assign) or is_in_place and not clears
    return False
