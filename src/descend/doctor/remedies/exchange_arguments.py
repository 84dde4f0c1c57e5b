"""Two arguments of a call in each other's place, `loss(anchor, positive, negative)`; or the two sides of a quotient."""

from typing import Any

import libcst as cst

from descend.doctor.record import Record, Site
from descend.doctor.script.script import Script
from descend.doctor.source.brackets import bracketed
from descend.doctor.source.exact import pointed_at
from descend.doctor.source.locate import locate_node
from descend.doctor.source.not_applicable import NotApplicable


def exchange_arguments(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Exchange the argument of number `dose["argument"]`, from 0, with the next one, at the site that it names.

    Without a number: what is divided there, and what by.
    """
    site = pointed_at(script, record, dose)
    if isinstance(site, NotApplicable):
        return site
    if "argument" not in dose:
        return _upside_down(script, site)
    found = locate_node(script, site, cst.Call)
    if isinstance(found, NotApplicable):
        return found
    syntax, call = found
    i = int(dose["argument"])
    given = [argument for argument in call.args if argument.keyword is None and not argument.star]
    if len(given) < i + 2:
        return NotApplicable(f"line {site.line} does not show both arguments of {site.detail}")
    first, second = given[i], given[i + 1]
    swapped = {first: second.value, second: first.value}
    arguments = [a.with_changes(value=swapped[a]) if a in swapped else a for a in call.args]
    return script.edit(syntax.file, syntax.replace(call, call.with_changes(args=arguments)))


def _upside_down(script: Script, site: Site) -> Script | NotApplicable:
    found = locate_node(script, site, cst.BinaryOperation)
    if isinstance(found, NotApplicable):
        return found
    syntax, quotient = found
    swapped = quotient.with_changes(left=bracketed(quotient.right), right=bracketed(quotient.left))
    return script.edit(syntax.file, syntax.replace(quotient, swapped))
