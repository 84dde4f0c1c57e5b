"""A call gives way to what it is applied to: `p = F.softmax(z, dim=1)` to `p = z`, `h = h.detach()` to nothing."""

import ast

import libcst as cst

from descend.doctor.source.brackets import PRIMARY, bracketed
from descend.doctor.source.insert import without_line
from descend.doctor.source.syntax import Syntax

LOOSE = cst.Assign | cst.AnnAssign | cst.Return | cst.Arg | cst.Expr | cst.Element | cst.DictElement | cst.Index


def give_way(syntax: Syntax, call: cst.BaseExpression, value: cst.BaseExpression) -> str:
    """Return the file's text with `value`, a part of the call, in the call's place."""
    return _without_idle_line(syntax, call, value) or syntax.replace(call, _in_place_of(syntax, call, value))


def _without_idle_line(syntax: Syntax, call: cst.BaseExpression, value: cst.BaseExpression) -> str | None:
    """Return the text without the statement, where it would only say `x = x`."""
    assign = syntax.parents[call]
    if not isinstance(assign, cst.Assign) or not isinstance(value, cst.Name | cst.Attribute):
        return None
    targets = [syntax.code(target.target) for target in assign.targets]
    return without_line(syntax, assign) if targets == [syntax.code(value)] else None


def _in_place_of(syntax: Syntax, call: cst.BaseExpression, value: cst.BaseExpression) -> cst.BaseExpression:
    is_loose = isinstance(syntax.parents[call], LOOSE) or isinstance(value, PRIMARY)
    bare = value.with_changes(lpar=[], rpar=[])
    if is_loose and _is_on_its_own(syntax.code(bare)) and not isinstance(bare, cst.Tuple | cst.NamedExpr):
        return bare
    if value.lpar:
        return value
    return bracketed(value, ())


def _is_on_its_own(code: str) -> bool:
    """Return whether an expression ends where a line ends that has no open bracket."""
    try:
        ast.parse(code, mode="eval")
    except SyntaxError:
        return False
    return True
