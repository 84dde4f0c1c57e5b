"""Find how a script without an optimizer updates its parameters, and the learning rate in these updates.

Updates from ``.grad``: ``w -= lr * w.grad``, ``w.data.sub_(lr * w.grad)``, ``w.data.add_(w.grad, alpha=-lr)``.
Updates from gradients that a call returns: ``params = [p - lr * g for p, g in zip(params, grads)]``.
"""

from collections.abc import Sequence

import libcst as cst

from descend.doctor.codemod.names import keyword_value
from descend.doctor.codemod.returned_gradients import gradient_names, is_gradient
from descend.doctor.codemod.syntax import Syntax, last_name

# methods that scale an operand by their argument `alpha` or `value`
SCALED_METHODS = frozenset({"add", "add_", "sub", "sub_", "addcmul", "addcmul_", "addcdiv", "addcdiv_"})


def gradients_in_updates(syntax: Syntax) -> list[cst.Attribute]:
    """Return each ``.grad`` that is read by a statement that updates a value, in source order."""
    read = [a for a in syntax.every(cst.Attribute) if a.attr.value == "grad" and not _is_called(syntax, a)]
    return [attribute for attribute in read if _is_in_update(syntax, attribute)]


def learning_rates(syntax: Syntax, call: cst.Call) -> list[cst.BaseExpression]:
    """Return the factors by which the script's own updates multiply gradients: its learning rates."""
    read = gradients_in_updates(syntax)
    return _multipliers(syntax, read) if read else _multipliers_of_returned_gradients(syntax, call)


def _is_called(syntax: Syntax, attribute: cst.Attribute) -> bool:
    """Return whether ``.grad`` is a function that is called, as in ``torch.autograd.grad(…)``, not a gradient."""
    outer = syntax.parents.get(attribute)
    return isinstance(outer, cst.Call) and outer.func is attribute


def _multipliers(syntax: Syntax, read: Sequence[cst.Attribute]) -> list[cst.BaseExpression]:
    """Return the factors by which the source multiplies the given gradients."""
    found: dict[int, cst.BaseExpression] = {}
    for gradient in read:
        inner: cst.CSTNode = gradient
        for outer in syntax.ancestors(gradient):
            if isinstance(outer, cst.BinaryOperation) and isinstance(outer.operator, cst.Multiply):
                other = outer.left if outer.right is inner else outer.right
                found[id(other)] = other
            if isinstance(outer, cst.BaseSmallStatement):
                break
            scale = _scale_argument(outer, inner)
            found |= {id(scale): scale} if scale is not None else {}
            inner = outer
    return list(found.values())


def _scale_argument(call: cst.CSTNode, given: cst.CSTNode) -> cst.BaseExpression | None:
    """Return the argument that scales a gradient, without its sign: ``lr`` for ``p.add_(p.grad, alpha=-lr)``."""
    if not isinstance(call, cst.Call) or not any(arg is given for arg in call.args):
        return None
    if last_name(call.func) not in SCALED_METHODS:
        return None
    scale = keyword_value(call, "alpha") or keyword_value(call, "value")
    if isinstance(scale, cst.UnaryOperation) and isinstance(scale.operator, cst.Minus):
        return scale.expression
    return scale


def _multipliers_of_returned_gradients(syntax: Syntax, call: cst.Call) -> list[cst.BaseExpression]:
    """Return the factors that multiply gradients returned by `call`, in products that are subtracted from a value."""
    names = gradient_names(syntax, call)
    found = []
    for product in syntax.every(cst.BinaryOperation):
        if isinstance(product.operator, cst.Multiply) and _is_subtracted(syntax, product):
            sides = (product.left, product.right)
            found += [other for one, other in (sides, sides[::-1]) if is_gradient(one, names)]
    return found


def _is_subtracted(syntax: Syntax, product: cst.BinaryOperation) -> bool:
    """Return whether a product is subtracted, as in ``p - lr * g``, ``p -= lr * g`` or ``p.sub_(lr * g)``."""
    outer = syntax.parents.get(product)
    if isinstance(outer, cst.BinaryOperation):
        return isinstance(outer.operator, cst.Subtract) and outer.right is product
    if isinstance(outer, cst.AugAssign):
        return isinstance(outer.operator, cst.SubtractAssign)
    called = syntax.parents.get(outer) if isinstance(outer, cst.Arg) else None
    return isinstance(called, cst.Call) and last_name(called.func) in ("sub", "sub_")


def _is_in_update(syntax: Syntax, read: cst.Attribute) -> bool:
    """Return whether a gradient is read by an assignment or an in-place call, other than ``zero_``."""
    for outer in syntax.ancestors(read):
        if isinstance(outer, cst.BaseSmallStatement):
            called = outer.value if isinstance(outer, cst.Expr) else None
            is_in_place = isinstance(called, cst.Call) and last_name(called.func).endswith("_")
            clears = is_in_place and isinstance(called, cst.Call) and last_name(called.func) == "zero_"
            return isinstance(outer, cst.AugAssign | cst.Assign) or is_in_place and not clears
    return False
