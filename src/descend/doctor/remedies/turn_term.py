"""Change the sign of a term: `a - b` for `a + b`, or the reverse."""

import libcst as cst

from descend.doctor.codemod.locate import locate_node, statement_around
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.codemod.suspected_site import SiteArguments, suspected_site
from descend.doctor.record import Record
from descend.doctor.script.script import Script

TURNED = {cst.Add: cst.Subtract, cst.Subtract: cst.Add}
TURNED_IN_PLACE = {cst.AddAssign: cst.SubtractAssign, cst.SubtractAssign: cst.AddAssign}


def turn_term(script: Script, record: Record, arguments: SiteArguments) -> Script:
    """Change the sign of a term: write minus for plus, or plus for minus, in the recorded sum or difference."""
    site = suspected_site(script, record, arguments)
    found = if_applicable(locate_node, script, site, cst.BinaryOperation)
    if found is not None:
        syntax, node = found
        turned = TURNED.get(type(node.operator))
        if turned is not None:
            operator = turned(node.operator.whitespace_before, node.operator.whitespace_after)  # type: ignore[attr-defined]
            return script.edit(syntax.file, syntax.replace(node, node.with_changes(operator=operator)))
    syntax, statement = statement_around(script, site)
    other = TURNED_IN_PLACE.get(type(statement.operator)) if isinstance(statement, cst.AugAssign) else None
    if other is not None:
        return script.edit(syntax.file, syntax.replace(statement, statement.with_changes(operator=other())))
    raise NotApplicable(f"line {site.line} does not contain a sum or a difference")
