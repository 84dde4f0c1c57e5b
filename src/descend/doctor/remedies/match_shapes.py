"""Predictions and targets brought to one shape, where (N, 1) and (N,) would broadcast to every pair.

loss = ((out - y) ** 2).mean()         # out - y.view_as(out)
loss = criterion(out, y)               # criterion(out, y.view_as(out))
loss = criterion(net(x), y)            # criterion(net(x).view_as(y), y): nothing is computed twice
"""

from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.arguments import find_argument
from descend.doctor.source.brackets import bracketed
from descend.doctor.source.locate import locate, locate_node
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax, last_name

SAME_SHAPE = frozenset(
    "float double half long int bool to type type_as cuda cpu detach clone contiguous requires_grad_ "
    "sigmoid tanh relu exp log softplus abs clamp pow square sqrt".split()
)  # functions of a tensor, and its methods, that leave its shape as it is
CLASS_LOSSES = {"cross_entropy", "nll_loss"}  # want shapes that differ
Pair = tuple[Syntax, cst.BaseExpression, cst.BaseExpression]  # of the prediction and the target


def match_shapes(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Give the targets the shape of the predictions, or these theirs where they have no name.

    `dose["operand"]` is the side of a difference, or of a product, on which the target stands.
    """
    pair = _difference(script, record, dose.get("operand", "right")) or _loss(script, record)
    if isinstance(pair, NotApplicable):
        return pair
    syntax, prediction, target = pair
    for values, like in ((target, prediction), (prediction, target)):
        shape = _shape_of(syntax, like)
        if shape is not None:
            reshaped = cst.Call(cst.Attribute(bracketed(values), cst.Name("view_as")), [cst.Arg(shape)])
            return script.edit(syntax.file, syntax.replace(values, reshaped))
    return NotApplicable(f"line {syntax.line(target)} has neither the prediction nor the target by a name")


def _difference(script: Script, record: Record, operand: str) -> Pair | NotApplicable | None:
    """Return prediction and target in `a - b` (or `a * b`, …); None where none that is written out was seen."""
    site = record.site("difference")
    if site is None:
        return None
    found: tuple[Syntax, cst.BaseExpression] | NotApplicable = locate_node(script, site, cst.BinaryOperation)
    if isinstance(found, NotApplicable):
        return found
    syntax, node = found
    assert isinstance(node, cst.BinaryOperation)
    return (syntax, node.left, node.right) if operand == "right" else (syntax, node.right, node.left)


def _loss(script: Script, record: Record) -> Pair | NotApplicable:
    place = locate(script, record, "loss")
    if isinstance(place, NotApplicable):
        return place
    if place.site.detail in CLASS_LOSSES:
        return NotApplicable(f"{place.site.detail} takes classes: their shape is not that of the predictions")
    prediction, target = find_argument(place.call, "input", 0), find_argument(place.call, "target", 1)
    if prediction is None or target is None:
        return NotApplicable(place.inside)
    return place.syntax, prediction.value, target.value


def _shape_of(syntax: Syntax, value: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return an expression of the same shape that costs nothing to write twice, or None."""
    while isinstance(value, cst.Call) and isinstance(value.func, cst.Attribute) and last_name(value.func) in SAME_SHAPE:
        if not syntax.is_module(value.func.value):
            value = value.func.value
        elif value.args:
            value = value.args[0].value
        else:
            return None
    is_named = isinstance(value, cst.Name | cst.Attribute | cst.Subscript) and not syntax.every(cst.Call, value)
    return value.with_changes(lpar=[], rpar=[]) if is_named else None
