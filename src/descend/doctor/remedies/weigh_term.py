"""A term of the loss with another weight beside the others.

kl = -0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp(), dim=1).mean()      # (torch.sum(…, dim=1) / 64).mean()
loss = reconstruction + 0.001 * kl                                          # + 1 * kl
"""

from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.arguments import written
from descend.doctor.source.brackets import bracketed
from descend.doctor.source.exact import one_of_at, pointed_at
from descend.doctor.source.locate import locate
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax, last_name

KINDS = (cst.BinaryOperation, cst.Call, cst.UnaryOperation)
DIGITS = 1  # of a weight: it comes from a noisy measurement


def weigh_term(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Multiply the term at the site of `dose["kind"]` and `dose["place"]` by `dose["factor"]`.

    side: where that is the site of a sum, which of its two terms is meant: the number that the term is keeps its value
    wherever else it is used, printed, or compared.
    Without a kind: divide the sum, or the mean, at the site `summed_term` by `dose["divisor"]`.
    """
    if "kind" in dose:
        return _multiplied(script, record, dose)
    place = locate(script, record, "summed_term")
    if isinstance(place, NotApplicable):
        return place
    if last_name(place.call.func) not in ("sum", "mean"):
        return NotApplicable(place.inside)
    quotient = cst.BinaryOperation(place.call, cst.Divide(), written(dose["divisor"]))
    return script.edit(place.syntax.file, place.syntax.replace(place.call, bracketed(quotient)))


def _multiplied(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    site = pointed_at(script, record, dose)
    if isinstance(site, NotApplicable):
        return site
    found = one_of_at(script, site, KINDS if "side" not in dose else (cst.BinaryOperation,))
    if found is None:
        return NotApplicable(f"line {site.line} does not show the term")
    syntax, node = found
    term = _operand(node, dose["side"]) if "side" in dose else node
    return script.edit(syntax.file, _product(syntax, term, dose["factor"]))


def _operand(sum_: cst.BaseExpression, side: int) -> cst.BaseExpression:
    assert isinstance(sum_, cst.BinaryOperation)
    return sum_.right if side else sum_.left


def _product(syntax: Syntax, node: cst.BaseExpression, factor: float) -> str:
    """Return the source with the term times a number: with another number where it is multiplied by one already."""
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Multiply):
        for number in (node.left, node.right):
            if isinstance(number, cst.Integer | cst.Float):
                return syntax.replace(number, written(_rounded(number.evaluated_value * factor)))
    return syntax.replace(
        node, bracketed(cst.BinaryOperation(written(_rounded(factor)), cst.Multiply(), bracketed(node)))
    )


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
