"""Invert a mask: `x == PAD` for `x != PAD`, `~mask[:T, :T]` for `mask[:T, :T]`."""

import libcst as cst

from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.parentheses import parenthesize
from descend.doctor.codemod.suspected_site import SiteArguments, locate_any_kind, suspected_site
from descend.doctor.record import Record
from descend.doctor.script.script import Script

OPPOSITE = {
    cst.Equal: cst.NotEqual,
    cst.NotEqual: cst.Equal,
    cst.LessThan: cst.GreaterThanEqual,
    cst.GreaterThanEqual: cst.LessThan,
    cst.GreaterThan: cst.LessThanEqual,
    cst.LessThanEqual: cst.GreaterThan,
}
KINDS = (cst.Comparison, cst.UnaryOperation, cst.Subscript, cst.Call, cst.BinaryOperation)


def turn_mask(script: Script, record: Record, arguments: SiteArguments) -> Script:
    """Invert the recorded mask, for example from `x == PAD` to `x != PAD`."""
    site = suspected_site(script, record, arguments)
    found = locate_any_kind(script, site, KINDS)
    if found is None:
        raise NotApplicable(f"line {site.line} does not contain the mask")
    syntax, node = found
    return script.edit(syntax.file, syntax.replace(node, _inverted_mask(node)))


def _inverted_mask(node: cst.BaseExpression) -> cst.BaseExpression:
    """Return the mask's expression inverted: with the opposite comparison, or with `~` removed or added."""
    if isinstance(node, cst.Comparison) and len(node.comparisons) == 1:
        [target] = node.comparisons
        opposite = OPPOSITE.get(type(target.operator))
        if opposite is not None:
            return node.with_changes(comparisons=[target.with_changes(operator=opposite())])
    if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.BitInvert):
        return node.expression
    return cst.UnaryOperation(cst.BitInvert(), parenthesize(node))
