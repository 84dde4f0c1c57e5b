"""What is masked for what is not: `x == PAD` for `x != PAD`, `~mask[:T, :T]` for `mask[:T, :T]`."""

from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.brackets import bracketed
from descend.doctor.source.exact import one_of_at, pointed_at
from descend.doctor.source.not_applicable import NotApplicable

OPPOSITE = {
    cst.Equal: cst.NotEqual,
    cst.NotEqual: cst.Equal,
    cst.LessThan: cst.GreaterThanEqual,
    cst.GreaterThanEqual: cst.LessThan,
    cst.GreaterThan: cst.LessThanEqual,
    cst.LessThanEqual: cst.GreaterThan,
}
KINDS = (cst.Comparison, cst.UnaryOperation, cst.Subscript, cst.Call, cst.BinaryOperation)


def turn_mask(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Turn the mask round that is made at the site of `dose["kind"]` and `dose["place"]`."""
    site = pointed_at(script, record, dose)
    if isinstance(site, NotApplicable):
        return site
    found = one_of_at(script, site, KINDS)
    if found is None:
        return NotApplicable(f"line {site.line} does not show the mask")
    syntax, node = found
    return script.edit(syntax.file, syntax.replace(node, _turned(node)))


def _turned(node: cst.BaseExpression) -> cst.BaseExpression:
    if isinstance(node, cst.Comparison) and len(node.comparisons) == 1:
        [target] = node.comparisons
        opposite = OPPOSITE.get(type(target.operator))
        if opposite is not None:
            return node.with_changes(comparisons=[target.with_changes(operator=opposite())])
    if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.BitInvert):
        return node.expression
    return cst.UnaryOperation(cst.BitInvert(), bracketed(node))
