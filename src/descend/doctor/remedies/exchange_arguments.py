"""Exchange two arguments of a call, as in `loss(anchor, positive, negative)`, or the two sides of a quotient."""

from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.locate import locate_node
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.parentheses import parenthesize
from descend.doctor.codemod.suspected_site import SiteArguments, suspected_site
from descend.doctor.record import Record, Site
from descend.doctor.script.script import Script


@dataclass(frozen=True, kw_only=True)
class ExchangeArgumentsArguments(SiteArguments):
    """Arguments of the remedy `exchange_arguments`, which swaps two arguments or the sides of a quotient."""

    # index of the first of the two swapped arguments, from 0; None if the sides of a quotient are swapped
    argument: int | None = None


def exchange_arguments(script: Script, record: Record, arguments: ExchangeArgumentsArguments) -> Script:
    """Swap an argument of the recorded call with the argument after it.

    Without an index, exchange the two sides of the recorded quotient.
    """
    site = suspected_site(script, record, arguments)
    if arguments.argument is None:
        return _invert_quotient(script, site)
    syntax, call = locate_node(script, site, cst.Call)
    i = arguments.argument
    given = [argument for argument in call.args if argument.keyword is None and not argument.star]
    if len(given) < i + 2:
        raise NotApplicable(f"line {site.line} does not contain both arguments of {site.detail}")
    first, second = given[i], given[i + 1]
    swapped = {first: second.value, second: first.value}
    exchanged = [a.with_changes(value=swapped[a]) if a in swapped else a for a in call.args]
    return script.edit(syntax.file, syntax.replace(call, call.with_changes(args=exchanged)))


def _invert_quotient(script: Script, site: Site) -> Script:
    """Return the script with the dividend and the divisor of the recorded quotient swapped."""
    syntax, quotient = locate_node(script, site, cst.BinaryOperation)
    swapped = quotient.with_changes(left=parenthesize(quotient.right), right=parenthesize(quotient.left))
    return script.edit(syntax.file, syntax.replace(quotient, swapped))
