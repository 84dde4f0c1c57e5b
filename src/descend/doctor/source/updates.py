"""How a script without an optimizer updates its parameters: `w -= lr * w.grad`, `w.data.sub_(lr * w.grad)`,
`w.data.add_(w.grad, alpha=-lr)`.

Or, of gradients that a call has returned: `params = [p - lr * g for p, g in zip(params, grads)]`.
"""

from collections.abc import Sequence

import libcst as cst

from descend.doctor.source.names import given_keyword
from descend.doctor.source.returned import gradient_names, is_gradient
from descend.doctor.source.syntax import Syntax, last_name

SCALED = frozenset({"add", "add_", "sub", "sub_", "addcmul", "addcmul_", "addcdiv", "addcdiv_"})  # by alpha, or value


def used_gradients(syntax: Syntax) -> list[cst.Attribute]:
    """Return each `.grad` that is read by a statement which changes something by it, in the order of the source."""
    read = [a for a in syntax.every(cst.Attribute) if a.attr.value == "grad" and not _is_called(syntax, a)]
    return [attribute for attribute in read if _updates(syntax, attribute)]


def rates(syntax: Syntax, call: cst.Call) -> list[cst.BaseExpression]:
    """Return what those gradients are multiplied by, or those that `call` returns."""
    read = used_gradients(syntax)
    return _factors(syntax, read) if read else _returned_factors(syntax, call)


def _is_called(syntax: Syntax, attribute: cst.Attribute) -> bool:
    outer = syntax.parents.get(attribute)
    return isinstance(outer, cst.Call) and outer.func is attribute  # `torch.autograd.grad(…)`


def _factors(syntax: Syntax, read: Sequence[cst.Attribute]) -> list[cst.BaseExpression]:
    found: dict[int, cst.BaseExpression] = {}
    for gradient in read:
        inner: cst.CSTNode = gradient
        for outer in syntax.ancestors(gradient):
            if isinstance(outer, cst.BinaryOperation) and isinstance(outer.operator, cst.Multiply):
                other = outer.left if outer.right is inner else outer.right
                found[id(other)] = other
            if isinstance(outer, cst.BaseSmallStatement):
                break
            scale = _scale(outer, inner)
            found |= {id(scale): scale} if scale is not None else {}
            inner = outer
    return list(found.values())


def _scale(call: cst.CSTNode, given: cst.CSTNode) -> cst.BaseExpression | None:
    """Return the number in `p.add_(p.grad, alpha=-lr)`, its sign aside, or in `p.addcmul_(g, g, value=-lr)`."""
    if not isinstance(call, cst.Call) or not any(arg is given for arg in call.args):
        return None
    if last_name(call.func) not in SCALED:
        return None
    scale = given_keyword(call, "alpha") or given_keyword(call, "value")
    if isinstance(scale, cst.UnaryOperation) and isinstance(scale.operator, cst.Minus):
        return scale.expression
    return scale


def _returned_factors(syntax: Syntax, call: cst.Call) -> list[cst.BaseExpression]:
    names = gradient_names(syntax, call)
    found = []
    for product in syntax.every(cst.BinaryOperation):
        if isinstance(product.operator, cst.Multiply) and _is_taken_away(syntax, product):
            sides = (product.left, product.right)
            found += [other for one, other in (sides, sides[::-1]) if is_gradient(one, names)]
    return found


def _is_taken_away(syntax: Syntax, product: cst.BinaryOperation) -> bool:
    """Whether something is made less by a product: `p - lr * g`, `p -= lr * g`, `p.sub_(lr * g)`."""
    outer = syntax.parents.get(product)
    if isinstance(outer, cst.BinaryOperation):
        return isinstance(outer.operator, cst.Subtract) and outer.right is product
    if isinstance(outer, cst.AugAssign):
        return isinstance(outer.operator, cst.SubtractAssign)
    called = syntax.parents.get(outer) if isinstance(outer, cst.Arg) else None
    return isinstance(called, cst.Call) and last_name(called.func) in ("sub", "sub_")


def _updates(syntax: Syntax, read: cst.Attribute) -> bool:
    for outer in syntax.ancestors(read):
        if isinstance(outer, cst.BaseSmallStatement):
            called = outer.value if isinstance(outer, cst.Expr) else None
            is_in_place = isinstance(called, cst.Call) and last_name(called.func).endswith("_")
            clears = is_in_place and isinstance(called, cst.Call) and last_name(called.func) == "zero_"
            return isinstance(outer, cst.AugAssign | cst.Assign) or is_in_place and not clears
    return False
