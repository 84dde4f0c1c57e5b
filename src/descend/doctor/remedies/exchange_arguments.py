"""Exchange two arguments of a call, as in `loss(anchor, positive, negative)`."""

from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.locate import locate_node
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.suspected_site import SiteArguments, suspected_site
from descend.doctor.record import Record
from descend.doctor.script.script import Script


@dataclass(frozen=True, kw_only=True)
class ExchangeArgumentsArguments(SiteArguments):
    """Arguments of the remedy `exchange_arguments`, which swaps two arguments."""

    argument: int  # index of the first of the two swapped arguments, from 0


def exchange_arguments(script: Script, record: Record, arguments: ExchangeArgumentsArguments) -> Script:
    """Swap an argument of the recorded call with the argument after it."""
    site = suspected_site(script, record, arguments)
    syntax, call = locate_node(script, site, cst.Call)
    i = arguments.argument
    given = [argument for argument in call.args if argument.keyword is None and not argument.star]
    if len(given) < i + 2:
        raise NotApplicable(f"line {site.line} does not contain both arguments of {site.detail}")
    first, second = given[i], given[i + 1]
    swapped = {first: second.value, second: first.value}
    exchanged = [a.with_changes(value=swapped[a]) if a in swapped else a for a in call.args]
    return script.edit(syntax.file, syntax.replace(call, call.with_changes(args=exchanged)))
