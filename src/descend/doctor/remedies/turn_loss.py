"""Change the sign of the loss, if the training increases it.

A minus that decides the sign is removed. If there is none, a minus is inserted where the loss is assigned, so that the
printed loss is right too. If the loss is not assigned in one place, the minus is inserted before `backward`.
"""

import libcst as cst

from descend.doctor.codemod.backward_pass import differentiated_loss, is_backward_call
from descend.doctor.codemod.literals import is_number
from descend.doctor.codemod.locate import locate
from descend.doctor.codemod.names import binding, value_of
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.parentheses import OPERAND, parenthesize
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedies.arguments import NoArguments
from descend.doctor.script.script import Script

AVERAGES = {"mean", "sum"}
STEPS = 4  # largest number of assignments that are followed from the backward pass to the loss


def turn_loss(script: Script, record: Record, arguments: NoArguments) -> Script:
    """Change the sign of the loss: remove the minus that decides the sign, or insert one if no minus decides it."""
    place = locate(script, record, SiteKind.BACKWARD)
    syntax = place.syntax
    loss = differentiated_loss(syntax, place.call) if is_backward_call(place.call) else None
    if loss is None:
        raise NotApplicable(place.indirect_call_message)
    minus = _deciding_minus(syntax, loss, STEPS)
    if minus is not None:
        return script.edit(syntax.file, _without_minus(syntax, minus))
    made = _assigned_loss(syntax, loss)
    new = _negated(made or loss)
    if made is None and isinstance(syntax.parents[loss], cst.Attribute):
        new = parenthesize(new)
    return script.edit(syntax.file, syntax.replace(made or loss, new))


def _deciding_minus(syntax: Syntax, value: cst.BaseExpression, steps: int) -> cst.UnaryOperation | None:
    """Return the minus that decides the sign of `value`, directly or through a variable or function; else None."""
    if isinstance(value, cst.UnaryOperation):
        return value if isinstance(value.operator, cst.Minus) else None
    if isinstance(value, cst.BinaryOperation):
        return _minus_of_operation(syntax, value, steps)
    if not steps:
        return None
    inner = _reduced_tensor(syntax, value) or value_of(syntax, value) or _returned_value(syntax, value)
    return _deciding_minus(syntax, inner, steps - 1) if inner is not None else None


def _minus_of_operation(syntax: Syntax, value: cst.BinaryOperation, steps: int) -> cst.UnaryOperation | None:
    """Return the minus that decides the sign of a product, quotient or sum, or None."""
    # The value of a variable in a product is not followed: it may be negative for another reason.
    if isinstance(value.operator, cst.Multiply):
        return _deciding_minus(syntax, value.left, 0) or _deciding_minus(syntax, value.right, 0)
    is_followed = isinstance(value.operator, cst.Divide)
    if isinstance(value.operator, cst.Add):  # The minus decides the sign in `-f(x) + penalty`, but not in `-1 + x`.
        is_followed = not is_number(value.left)
    return _deciding_minus(syntax, value.left, steps) if is_followed else None


def _reduced_tensor(syntax: Syntax, value: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return the tensor `x` that `x.mean()` or `torch.sum(x)` averages or sums; None for other expressions."""
    if not isinstance(value, cst.Call) or not isinstance(value.func, cst.Attribute):
        return None
    if last_name(value.func) not in AVERAGES:
        return None
    if not syntax.is_module(value.func.value):
        return value.func.value
    return value.args[0].value if value.args else None


def _returned_value(syntax: Syntax, value: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return the value that a called function returns, if this file defines it with a single `return`; else None."""
    if not isinstance(value, cst.Call) or not isinstance(value.func, cst.Name):
        return None
    bound = binding(syntax, value.func)
    if bound is None or not isinstance(bound.node, cst.FunctionDef):
        return None
    returns = syntax.every(cst.Return, bound.node)
    return returns[0].value if len(returns) == 1 else None


def _assigned_loss(syntax: Syntax, loss: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return the value that the script assigns to the loss, if there is only one assignment; else None."""
    name: cst.BaseExpression | None = loss
    while name is not None and not isinstance(name, cst.Name | cst.Attribute):
        name = name.left if isinstance(name, cst.BinaryOperation) else _reduced_tensor(syntax, name)
    return value_of(syntax, name) if name is not None else None


def _negated(value: cst.BaseExpression) -> cst.BaseExpression:
    """Return the expression with the opposite sign, such as `-loss`."""
    if isinstance(value, cst.BinaryOperation) and isinstance(value.operator, cst.Multiply | cst.Divide):
        if not value.lpar:
            return value.with_changes(left=_negated(value.left))
    return cst.UnaryOperation(cst.Minus(), parenthesize(value, OPERAND))


def _without_minus(syntax: Syntax, minus: cst.UnaryOperation) -> str:
    """Return the file's source without the minus, so that `-1 * loss` becomes `loss`."""
    product = syntax.parents[minus]
    is_product = isinstance(product, cst.BinaryOperation) and isinstance(product.operator, cst.Multiply)
    if (
        isinstance(product, cst.BinaryOperation) and is_product and syntax.code(minus.expression) in ("1", "1.0")
    ):  # -1 * loss
        other = product.right if product.left is minus else product.left
        return syntax.replace(product, parenthesize(other) if product.lpar else other)
    new = parenthesize(minus.expression) if minus.lpar else minus.expression
    return syntax.replace(minus, _without_needless_parentheses(syntax, minus, new))


def _without_needless_parentheses(
    syntax: Syntax, minus: cst.UnaryOperation, value: cst.BaseExpression
) -> cst.BaseExpression:
    """Return `value`, the operand of `minus`, without the parentheses that are no longer needed without the minus."""
    is_alone = isinstance(syntax.parents[minus], cst.Assign | cst.Return | cst.Arg)
    spans_lines = syntax.spans[value].start.line < syntax.spans[value].end.line if value in syntax.spans else True
    return value.with_changes(lpar=[], rpar=[]) if is_alone and value.lpar and not spans_lines else value
