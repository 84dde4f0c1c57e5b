"""Give predictions and targets the same shape: (N, 1) and (N,) would broadcast to (N, N).

loss = ((out - y) ** 2).mean()         # out - y.view_as(out)
loss = criterion(out, y)               # criterion(out, y.view_as(out))
loss = criterion(net(x), y)            # criterion(net(x).view_as(y), y): nothing is computed twice
"""

from dataclasses import dataclass

import libcst as cst

from descend.core.operations import Trait, having
from descend.doctor.codemod.arguments import find_argument
from descend.doctor.codemod.locate import locate, locate_node
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.parentheses import parenthesize
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script

SAME_SHAPE = frozenset(
    "float double half long int bool to type type_as cuda cpu detach clone contiguous requires_grad_ "
    "sigmoid tanh relu exp log softplus abs clamp pow square sqrt".split()
)  # names of functions and tensor methods whose result has the same shape as their input
CLASS_LOSSES = having(Trait.CLASS_LOSS)  # losses for which predictions and targets have different shapes on purpose
Pair = tuple[Syntax, cst.BaseExpression, cst.BaseExpression]  # file, prediction, target


@dataclass(frozen=True)
class MatchShapesArguments:
    """Arguments of the remedy `match_shapes`, which reshapes the targets or the predictions."""

    operand: str = "right"  # "left" or "right": the side of the recorded difference or product where the target is


def match_shapes(script: Script, record: Record, arguments: MatchShapesArguments) -> Script:
    """Reshape the targets to the shape of the predictions. If no variable holds the predictions, do the reverse."""
    pair = _pair_of_difference(script, record, arguments.operand) or _pair_of_loss(script, record)
    syntax, prediction, target = pair
    for values, like in ((target, prediction), (prediction, target)):
        shape = _variable_of_same_shape(syntax, like)
        if shape is not None:
            reshaped = cst.Call(cst.Attribute(parenthesize(values), cst.Name("view_as")), [cst.Arg(shape)])
            return script.edit(syntax.file, syntax.replace(values, reshaped))
    raise NotApplicable(f"neither the prediction nor the target is a variable in line {syntax.line(target)}")


def _pair_of_difference(script: Script, record: Record, operand: str) -> Pair | None:
    """Return the prediction and the target in the recorded `a - b` or `a * b`; None if the run recorded neither."""
    site = record.site(SiteKind.DIFFERENCE)
    if site is None:
        return None
    syntax, node = locate_node(script, site, cst.BinaryOperation)
    return (syntax, node.left, node.right) if operand == "right" else (syntax, node.right, node.left)


def _pair_of_loss(script: Script, record: Record) -> Pair:
    """Return the prediction and the target in the call of the loss function."""
    place = locate(script, record, SiteKind.LOSS)
    if place.site.detail in CLASS_LOSSES:
        raise NotApplicable(f"{place.site.detail} takes class indices, which do not have the shape of the predictions")
    prediction, target = find_argument(place.call, "input", 0), find_argument(place.call, "target", 1)
    if prediction is None or target is None:
        raise NotApplicable(place.indirect_call_message)
    return place.syntax, prediction.value, target.value


def _variable_of_same_shape(syntax: Syntax, value: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return a variable in `value` that has the same shape: `y` of `y.float()`; None if `value` must be computed."""
    while isinstance(value, cst.Call) and isinstance(value.func, cst.Attribute) and last_name(value.func) in SAME_SHAPE:
        if not syntax.is_module(value.func.value):
            value = value.func.value
        elif value.args:
            value = value.args[0].value
        else:
            return None
    is_named = isinstance(value, cst.Name | cst.Attribute | cst.Subscript) and not syntax.every(cst.Call, value)
    return value.with_changes(lpar=[], rpar=[]) if is_named else None
