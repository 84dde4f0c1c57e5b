"""Scale the learning rates of parameter groups that have their own, so that their ratios stay the same.

optimizer = SGD([{"params": body, "lr": 1e-3}, {"params": head, "lr": LR}], lr=0.1)
optimizer = SGD([{"params": body, "lr": 1e-4}, {"params": head, "lr": 0.1 * LR}], lr=0.01)      # a tenth of each
"""

import libcst as cst

from descend.doctor.codemod.argument_edits import NodeEdit, apply_edits
from descend.doctor.codemod.arguments import (
    find_argument,
    format_number,
    format_number_like,
    group_arguments,
    has_unpacked_arguments,
    makes_optimizer,
)
from descend.doctor.codemod.locate import Place, locate
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.parentheses import OPERAND, parenthesize
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script


def scale_group_rates(script: Script, record: Record, key: str, factor: float) -> Script:
    """Multiply the learning rates of all parameter groups of the optimizer number `key` by a factor.

    The numbers in the optimizer's call are changed. Another expression, such as a name, is multiplied in the call.
    """
    place = locate(script, record, SiteKind.OPTIMIZER, key)
    if not makes_optimizer(place):
        raise NotApplicable(place.indirect_call_message)
    if has_unpacked_arguments(place.call):
        raise NotApplicable("the arguments of the optimizer are not written out in its call")
    rates = group_arguments(place.syntax, place.call, "lr")
    default = find_argument(place.call, "lr", 1)
    edits = [_scaled(place, rate, factor) for rate in [*rates, *([default.value] if default is not None else [])]]
    return apply_edits(script, place.syntax, edits, "learning rate")


def _scaled(place: Place, rate: cst.BaseExpression, factor: float) -> NodeEdit:
    """Return the edit that multiplies a learning rate in the optimizer's call."""
    if isinstance(rate, cst.Integer | cst.Float):
        number = format_number_like(rate.evaluated_value * factor, place.syntax.code(rate))
        return NodeEdit(rate, cst.parse_expression(number))
    product = cst.BinaryOperation(
        cst.parse_expression(format_number(factor)), cst.Multiply(), parenthesize(rate, OPERAND)
    )
    return NodeEdit(rate, product)
