"""Parentheses around an expression that comes to stand inside another one."""

from types import UnionType
from typing import TypeVar

import libcst as cst

PRIMARY = cst.Name | cst.Attribute | cst.Call | cst.Subscript  # what the grammar binds closest: a dot may follow
OPERAND = PRIMARY | cst.Integer | cst.Float  # what an operator takes as it is
Expression = TypeVar("Expression", bound=cst.BaseExpression)


def bracketed(value: Expression, whole: UnionType | tuple[type, ...] = PRIMARY) -> Expression:
    """Return the expression in parentheses, unless it has some or is of a kind that needs none there."""
    if value.lpar or isinstance(value, whole):
        return value
    return value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
