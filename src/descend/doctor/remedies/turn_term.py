"""A term with the other sign: `a - b` for `a + b`, and the other way round."""

from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.exact import pointed_at
from descend.doctor.source.locate import locate_node, statement_around
from descend.doctor.source.not_applicable import NotApplicable

TURNED = {cst.Add: cst.Subtract, cst.Subtract: cst.Add}
TURNED_IN_PLACE = {cst.AddAssign: cst.SubtractAssign, cst.SubtractAssign: cst.AddAssign}


def turn_term(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Turn the sign between the terms at the site of `dose["kind"]` and `dose["place"]`."""
    site = pointed_at(script, record, dose)
    if isinstance(site, NotApplicable):
        return site
    found = locate_node(script, site, cst.BinaryOperation)
    if not isinstance(found, NotApplicable):
        syntax, node = found
        turned = TURNED.get(type(node.operator))
        if turned is not None:
            operator = turned(node.operator.whitespace_before, node.operator.whitespace_after)  # type: ignore[attr-defined]
            return script.edit(syntax.file, syntax.replace(node, node.with_changes(operator=operator)))
    within = statement_around(script, site)
    if isinstance(within, NotApplicable):
        return within
    syntax, statement = within
    other = TURNED_IN_PLACE.get(type(statement.operator)) if isinstance(statement, cst.AugAssign) else None
    if other is not None:
        return script.edit(syntax.file, syntax.replace(statement, statement.with_changes(operator=other())))
    return NotApplicable(f"line {site.line} does not show a sum or a difference")
