"""Change the weight of one term of the loss.

kl = -0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp(), dim=1).mean()      # (torch.sum(…, dim=1) / 64).mean()
loss = reconstruction + 0.001 * kl                                          # + 1 * kl
"""

from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.arguments import literal_expression
from descend.doctor.codemod.locate import locate
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.parentheses import parenthesize
from descend.doctor.codemod.suspected_site import SiteArguments, locate_any_kind, suspected_site
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script

KINDS = (cst.BinaryOperation, cst.Call, cst.UnaryOperation)
DIGITS = 1  # number of significant digits of a weight, which is measured with noise


@dataclass(frozen=True, kw_only=True)
class WeighTermArguments(SiteArguments):
    """Arguments of the remedy `weigh_term`, which changes the weight of one term of the loss."""

    kind: str = ""
    place: str = ""
    factor: float = 1.0
    side: int | None = None  # side of the sum where the term is: 0 for left, 1 for right; None if there is no sum
    divisor: float = 1.0  # number by which the recorded sum or mean is divided, if `kind` is ""


def weigh_term(script: Script, record: Record, arguments: WeighTermArguments) -> Script:
    """Multiply the recorded term of the loss by `factor`. If no term is recorded, divide the recorded sum by `divisor`.

    For an operand of a sum only the operand is multiplied, so that other uses of the term keep their value.
    """
    if arguments.kind:
        return _multiply_term(script, record, arguments)
    place = locate(script, record, SiteKind.SUMMED_TERM)
    if last_name(place.call.func) not in ("sum", "mean"):
        raise NotApplicable(place.indirect_call_message)
    quotient = cst.BinaryOperation(place.call, cst.Divide(), literal_expression(arguments.divisor))
    return script.edit(place.syntax.file, place.syntax.replace(place.call, parenthesize(quotient)))


def _multiply_term(script: Script, record: Record, arguments: WeighTermArguments) -> Script:
    """Return the script with the recorded term multiplied by the factor."""
    site = suspected_site(script, record, arguments)
    found = locate_any_kind(script, site, KINDS if arguments.side is None else (cst.BinaryOperation,))
    if found is None:
        raise NotApplicable(f"line {site.line} does not contain the term")
    syntax, node = found
    term = _operand_of_sum(node, arguments.side) if arguments.side is not None else node
    return script.edit(syntax.file, _with_factor(syntax, term, arguments.factor))


def _operand_of_sum(sum_: cst.BaseExpression, side: int) -> cst.BaseExpression:
    """Return one operand of a sum: the left one if `side` is 0, the right one if it is 1."""
    assert isinstance(sum_, cst.BinaryOperation)
    return sum_.right if side else sum_.left


def _with_factor(syntax: Syntax, node: cst.BaseExpression, factor: float) -> str:
    """Return the source with the term multiplied by the factor; in `0.1 * x`, the number 0.1 is multiplied."""
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Multiply):
        for number in (node.left, node.right):
            if isinstance(number, cst.Integer | cst.Float):
                return syntax.replace(number, literal_expression(_rounded_weight(number.evaluated_value * factor)))
    return syntax.replace(
        node,
        parenthesize(
            cst.BinaryOperation(literal_expression(_rounded_weight(factor)), cst.Multiply(), parenthesize(node))
        ),
    )


def _rounded_weight(value: float) -> float:
    """Return the weight rounded to one significant digit."""
    return float(f"{value:.{DIGITS}g}")
