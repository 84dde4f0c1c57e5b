"""Replace a call by its argument or receiver: `p = F.softmax(z, dim=1)` by `p = z`, `h = h.detach()` by nothing."""

import ast

import libcst as cst

from descend.doctor.codemod.insert import remove_line
from descend.doctor.codemod.parentheses import PRIMARY, parenthesize
from descend.doctor.codemod.syntax import Syntax

UNBRACKETED_PARENTS = (
    cst.Assign | cst.AnnAssign | cst.Return | cst.Arg | cst.Expr | cst.Element | cst.DictElement | cst.Index
)


def unwrap_call(syntax: Syntax, call: cst.BaseExpression, value: cst.BaseExpression) -> str:
    """Return the edited source in which `value`, an argument or the object of a method, replaces the call."""
    return _without_self_assignment(syntax, call, value) or syntax.replace(
        call, _parenthesized_for_parent(syntax, call, value)
    )


def _without_self_assignment(syntax: Syntax, call: cst.BaseExpression, value: cst.BaseExpression) -> str | None:
    """Return the edited source without the assignment that would become ``x = x``; None for other statements."""
    assign = syntax.parents[call]
    if not isinstance(assign, cst.Assign) or not isinstance(value, cst.Name | cst.Attribute):
        return None
    targets = [syntax.code(target.target) for target in assign.targets]
    return remove_line(syntax, assign) if targets == [syntax.code(value)] else None


def _parenthesized_for_parent(
    syntax: Syntax, call: cst.BaseExpression, value: cst.BaseExpression
) -> cst.BaseExpression:
    """Return the value, in parentheses if the code around it or a line break requires them."""
    is_loose = isinstance(syntax.parents[call], UNBRACKETED_PARENTS) or isinstance(value, PRIMARY)
    bare = value.with_changes(lpar=[], rpar=[])
    if is_loose and _parses_without_parentheses(syntax.code(bare)) and not isinstance(bare, cst.Tuple | cst.NamedExpr):
        return bare
    if value.lpar:
        return value
    return parenthesize(value, ())


def _parses_without_parentheses(code: str) -> bool:
    """Return whether code is a complete expression on its own, although it may have line breaks."""
    try:
        ast.parse(code, mode="eval")
    except SyntaxError:
        return False
    return True
