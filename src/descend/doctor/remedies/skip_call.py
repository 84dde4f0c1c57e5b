"""Remove an operation between the data and the loss: `x` for `x.round()`, `x[order]` or `-x`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import libcst as cst

from descend.doctor.codemod.activations import is_class_name
from descend.doctor.codemod.insert import remove_line
from descend.doctor.codemod.locate import Place, locate_node
from descend.doctor.codemod.names import names_read
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.codemod.remove_call import remove_call
from descend.doctor.codemod.suspected_site import SiteArguments, locate_any_kind, suspected_site
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.codemod.unwrap_call import unwrap_call
from descend.doctor.record import Record
from descend.doctor.script.script import Script

KINDS = (cst.Call, cst.BinaryOperation, cst.Subscript, cst.UnaryOperation)


@dataclass(frozen=True, kw_only=True)
class SkipCallArguments(SiteArguments):
    """Arguments of the remedy `skip_call`, which replaces operations by their operands."""

    place: str = ""
    places: Sequence[str] = ()  # keys of the recorded operations, if there are several; otherwise `place` is the key


def skip_call(script: Script, record: Record, arguments: SkipCallArguments) -> Script:
    """Replace each recorded operation, such as `x.round()`, by its operand `x`, the outermost operation first."""
    edited = script
    for place in arguments.places or [arguments.place]:
        edited = _skip_operation(edited, record, replace(arguments, place=place))
    return edited


def _skip_operation(script: Script, record: Record, arguments: SkipCallArguments) -> Script:
    """Return the script without one recorded operation. An assignment such as `x += y` is removed completely."""
    site = suspected_site(script, record, arguments)
    found = locate_any_kind(script, site, KINDS)
    if found is not None:
        syntax, node = found
        if isinstance(node, cst.Call) and is_class_name(site.detail):
            return script.edit(syntax.file, remove_call(Place(syntax, node, site)))
        return script.edit(syntax.file, _with_operand(syntax, node, site.detail))
    changed = if_applicable(locate_node, script, site, cst.AugAssign)
    if changed is None:
        raise NotApplicable(f"line {site.line} does not contain the operand of {site.detail}")
    syntax, statement = changed
    text = remove_line(syntax, statement)
    if text is None:
        raise NotApplicable(f"line {site.line} is the only statement in its block")
    return script.edit(syntax.file, text)


def _with_operand(syntax: Syntax, node: cst.CSTNode, function: str) -> str:
    """Return the file's source in which an operation is replaced by its operand, such as `x.round()` by `x`."""
    if isinstance(node, cst.Call):
        value = _input_of_call(syntax, node, function)
        if value is None:
            raise NotApplicable(f"line {syntax.line(node)} does not contain the input of `{syntax.code(node.func)}`")
        return unwrap_call(syntax, node, value)
    assert isinstance(node, cst.BaseExpression)
    return unwrap_call(syntax, node, _operand_to_keep(node))


def _input_of_call(syntax: Syntax, call: cst.Call, function: str) -> cst.BaseExpression | None:
    """Return the tensor to which a call is applied: `x` of `x.round()` and `torch.round(x)`; None if it is unclear."""
    callee = call.func
    if isinstance(callee, cst.Attribute) and last_name(callee).strip("_") == function:
        if not syntax.is_module(callee.value):
            return callee.value
    first = next(iter(call.args), None)
    return None if first is None or first.keyword is not None or first.star else first.value


def _operand_to_keep(node: cst.CSTNode) -> cst.BaseExpression:
    """Return the operand that replaces an operation: `x` for `x[order]` and `-x`, `y` for `2 * y - 1`."""
    if isinstance(node, cst.BinaryOperation):
        leaf: cst.BaseExpression = node
        while isinstance(leaf, cst.BinaryOperation):
            leaf = leaf.right if isinstance(leaf.left, cst.Integer | cst.Float) else leaf.left
        if {name.value for name in names_read(node)} == {name.value for name in names_read(leaf)}:
            return leaf
        return node.right if isinstance(node.left, cst.Integer | cst.Float) else node.left
    if isinstance(node, cst.Subscript):
        return node.value
    return cst.ensure_type(node, cst.UnaryOperation).expression
