"""Keep the argument of a root or a logarithm away from zero, where the derivative is infinite.

d = torch.sqrt(((a - b) ** 2).sum(1))        # torch.sqrt(((a - b) ** 2).sum(1) + 1e-8)
"""

from dataclasses import dataclass
from pathlib import Path

import libcst as cst

from descend.doctor.codemod.activations import activation_input
from descend.doctor.codemod.arguments import number_expression
from descend.doctor.codemod.locate import locate_node, locate_site
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.codemod.parentheses import PRIMARY, parenthesize
from descend.doctor.codemod.syntax import last_name
from descend.doctor.record import Record, Site, SiteKind
from descend.doctor.script.script import Script

FUNCTIONS = {"sqrt", "pow", "log", "log2", "log10"}
STRONGER = PRIMARY | cst.BinaryOperation  # kinds of expressions that need no parentheses as operands of a sum


@dataclass(frozen=True)
class AwayFromZeroArguments:
    """Arguments of the remedy `away_from_zero`, which adds a small constant to the argument of a root or logarithm."""

    eps: float  # constant that is added to the argument of the root or the logarithm


def away_from_zero(script: Script, record: Record, arguments: AwayFromZeroArguments) -> Script:
    """Add `eps` to the argument of each recorded root and logarithm in the user's files."""
    refused: NotApplicable | None = None
    edited = script
    for site in record.every_site(SiteKind.SINGULAR):
        try:
            edited = edited.edit(*_with_eps_at(edited, site, arguments.eps))
        except NotApplicable as error:
            refused = refused or error
    if edited is script:
        raise refused or NotApplicable("the run did not show where a root or a logarithm is in the source")
    return edited


def _with_eps_at(script: Script, site: Site, eps: float) -> tuple[Path, str]:
    """Return the file of a recorded root or logarithm, and its source with `eps` added under the root or logarithm."""
    try:
        place = locate_site(script, site)
    except NotApplicable:
        found = if_applicable(locate_node, script, site, cst.BinaryOperation)
        if found is None or not isinstance(found[1].operator, cst.Power):
            raise
        syntax, power = found
        return syntax.file, syntax.replace(power.left, _sum_with_eps(power.left, eps, inside=True))
    given = activation_input(place.syntax, place.call) if last_name(place.call.func) in FUNCTIONS else None
    if given is None:
        raise NotApplicable(place.indirect_call_message)
    is_receiver = isinstance(place.call.func, cst.Attribute) and given is place.call.func.value
    return place.syntax.file, place.syntax.replace(given, _sum_with_eps(given, eps, inside=is_receiver))


def _sum_with_eps(given: cst.BaseExpression, eps: float, *, inside: bool) -> cst.BaseExpression:
    """Return the expression for the sum of `given` and `eps`, in parentheses if `inside` a power or method call."""
    total = cst.BinaryOperation(parenthesize(given, STRONGER), cst.Add(), number_expression(eps))
    return parenthesize(total) if inside else total
