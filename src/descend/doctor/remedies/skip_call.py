"""A call on the way that gives way to what it is applied to: `x.round()` to `x`, `x[order]` to `x`, `-z` to `z`."""

from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.activations import is_constructor
from descend.doctor.source.exact import one_of_at, pointed_at
from descend.doctor.source.give_way import give_way
from descend.doctor.source.insert import without_line
from descend.doctor.source.locate import Place, locate_node
from descend.doctor.source.names import read_names
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax, last_name
from descend.doctor.source.without_call import without_call

KINDS = (cst.Call, cst.BinaryOperation, cst.Subscript, cst.UnaryOperation)


def skip_call(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Put in the place of the expression at the site of `dose["kind"]` and `dose["place"]` what it is made of.

    Of several, `dose["places"]`, each in turn, the outermost first.
    """
    edited: Script | NotApplicable = script
    for place in dose.get("places", [dose.get("place")]):
        if isinstance(edited, Script):
            edited = _skip(edited, record, {**dose, "place": place})
    return edited


def _skip(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    site = pointed_at(script, record, dose)
    if isinstance(site, NotApplicable):
        return site
    found = one_of_at(script, site, KINDS)
    if found is not None:
        syntax, node = found
        if isinstance(node, cst.Call) and is_constructor(site.detail):
            return _edited(script, syntax, without_call(Place(syntax, node, site)))
        return _edited(script, syntax, _text(syntax, node, site.detail))
    changed = locate_node(script, site, cst.AugAssign)
    if not isinstance(changed, NotApplicable):
        syntax, statement = changed
        return _edited(script, syntax, without_line(syntax, statement) or NotApplicable(f"line {site.line} is all"))
    return NotApplicable(f"line {site.line} does not show what {site.detail} is applied to")


def _edited(script: Script, syntax: Syntax, text: str | NotApplicable) -> Script | NotApplicable:
    return script.edit(syntax.file, text) if isinstance(text, str) else text


def _text(syntax: Syntax, node: cst.CSTNode, function: str) -> str | NotApplicable:
    if isinstance(node, cst.Call):
        value = _given(syntax, node, function)
        if value is None:
            return NotApplicable(f"line {syntax.line(node)} does not show what `{syntax.code(node.func)}` is given")
        return give_way(syntax, node, value)
    assert isinstance(node, cst.BaseExpression)
    return give_way(syntax, node, _operand(node))


def _given(syntax: Syntax, call: cst.Call, function: str) -> cst.BaseExpression | None:
    """Return the tensor of `x.round()` and of `torch.round(x)`; of any other function its first argument."""
    callee = call.func
    if isinstance(callee, cst.Attribute) and last_name(callee).strip("_") == function:
        if not syntax.is_module(callee.value):
            return callee.value
    first = next(iter(call.args), None)
    return None if first is None or first.keyword is not None or first.star else first.value


def _operand(node: cst.CSTNode) -> cst.BaseExpression:
    """Return what stands behind the call; all of what is made of one variable alone: `y` of `2 * y - 1`."""
    if isinstance(node, cst.BinaryOperation):
        leaf: cst.BaseExpression = node
        while isinstance(leaf, cst.BinaryOperation):
            leaf = leaf.right if isinstance(leaf.left, cst.Integer | cst.Float) else leaf.left
        if {name.value for name in read_names(node)} == {name.value for name in read_names(leaf)}:
            return leaf
        return node.right if isinstance(node.left, cst.Integer | cst.Float) else node.left
    if isinstance(node, cst.Subscript):
        return node.value
    return cst.ensure_type(node, cst.UnaryOperation).expression
