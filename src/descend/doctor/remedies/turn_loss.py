"""The loss with the other sign, where training climbs it.

A minus that turns the loss is taken away where it stands. Where there is none, one is put where the loss is
made, so that what is printed is right, too; in front of `backward` where the loss is not made in one place.
"""

from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.backward_pass import is_backward, loss_of
from descend.doctor.source.brackets import OPERAND, bracketed
from descend.doctor.source.literals import is_number
from descend.doctor.source.locate import locate
from descend.doctor.source.names import binding, value_behind
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax, last_name

AVERAGES = {"mean", "sum"}
STEPS = 4  # from the backward pass to where the loss is made, name by name


def turn_loss(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Remove the minus of the loss, or else add one. It takes no dose."""
    place = locate(script, record, "backward")
    if isinstance(place, NotApplicable):
        return place
    syntax = place.syntax
    loss = loss_of(syntax, place.call) if is_backward(place.call) else None
    if loss is None:
        return NotApplicable(place.inside)
    minus = _minus(syntax, loss, STEPS)
    if minus is not None:
        return script.edit(syntax.file, _without_minus(syntax, minus))
    made = _made(syntax, loss)
    new = _negative(made or loss)
    if made is None and isinstance(syntax.parents[loss], cst.Attribute):
        new = bracketed(new)
    return script.edit(syntax.file, syntax.replace(made or loss, new))


def _minus(syntax: Syntax, value: cst.BaseExpression, steps: int) -> cst.UnaryOperation | None:
    """Return the minus that decides over the sign of `value`, also behind a name, or None."""
    if isinstance(value, cst.UnaryOperation):
        return value if isinstance(value.operator, cst.Minus) else None
    if isinstance(value, cst.BinaryOperation):
        return _minus_of_operation(syntax, value, steps)
    if not steps:
        return None
    inner = _averaged(syntax, value) or value_behind(syntax, value) or _returned(syntax, value)
    return _minus(syntax, inner, steps - 1) if inner is not None else None


def _minus_of_operation(syntax: Syntax, value: cst.BinaryOperation, steps: int) -> cst.UnaryOperation | None:
    if isinstance(value.operator, cst.Multiply):  # of a name among factors nobody can say what its sign is for
        return _minus(syntax, value.left, 0) or _minus(syntax, value.right, 0)
    is_followed = isinstance(value.operator, cst.Divide)
    if isinstance(value.operator, cst.Add):  # `-f(x) + penalty`: the penalty is right; the sign of `-1 + x` is not x's
        is_followed = not is_number(value.left)
    return _minus(syntax, value.left, steps) if is_followed else None


def _averaged(syntax: Syntax, value: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return what `x.mean()` or `torch.sum(x)` is taken of, or None."""
    if not isinstance(value, cst.Call) or not isinstance(value.func, cst.Attribute):
        return None
    if last_name(value.func) not in AVERAGES:
        return None
    if not syntax.is_module(value.func.value):
        return value.func.value
    return value.args[0].value if value.args else None


def _returned(syntax: Syntax, value: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return the only thing that the called function of this file returns, or None."""
    if not isinstance(value, cst.Call) or not isinstance(value.func, cst.Name):
        return None
    bound = binding(syntax, value.func)
    if bound is None or not isinstance(bound.node, cst.FunctionDef):
        return None
    returns = syntax.every(cst.Return, bound.node)
    return returns[0].value if len(returns) == 1 else None


def _made(syntax: Syntax, loss: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return the expression in the only assignment of the loss, or None."""
    name: cst.BaseExpression | None = loss
    while name is not None and not isinstance(name, cst.Name | cst.Attribute):
        name = name.left if isinstance(name, cst.BinaryOperation) else _averaged(syntax, name)
    return value_behind(syntax, name) if name is not None else None


def _negative(value: cst.BaseExpression) -> cst.BaseExpression:
    if isinstance(value, cst.BinaryOperation) and isinstance(value.operator, cst.Multiply | cst.Divide):
        if not value.lpar:
            return value.with_changes(left=_negative(value.left))
    return cst.UnaryOperation(cst.Minus(), bracketed(value, OPERAND))


def _without_minus(syntax: Syntax, minus: cst.UnaryOperation) -> str:
    product = syntax.parents[minus]
    is_product = isinstance(product, cst.BinaryOperation) and isinstance(product.operator, cst.Multiply)
    if (
        isinstance(product, cst.BinaryOperation) and is_product and syntax.code(minus.expression) in ("1", "1.0")
    ):  # -1 * loss
        other = product.right if product.left is minus else product.left
        return syntax.replace(product, bracketed(other) if product.lpar else other)
    new = bracketed(minus.expression) if minus.lpar else minus.expression
    return syntax.replace(minus, _bare(syntax, minus, new))


def _bare(syntax: Syntax, minus: cst.UnaryOperation, value: cst.BaseExpression) -> cst.BaseExpression:
    """Return what is left of `-(a + b)` without the parentheses that only the minus needed."""
    is_alone = isinstance(syntax.parents[minus], cst.Assign | cst.Return | cst.Arg)
    spans_lines = syntax.spans[value].start.line < syntax.spans[value].end.line if value in syntax.spans else True
    return value.with_changes(lpar=[], rpar=[]) if is_alone and value.lpar and not spans_lines else value
