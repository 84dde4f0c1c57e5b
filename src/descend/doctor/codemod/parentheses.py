"""Put parentheses around an expression that is inserted into another one."""

from types import UnionType
from typing import TypeVar

import libcst as cst

# expressions that a dot may follow, because they bind most tightly
PRIMARY = cst.Name | cst.Attribute | cst.Call | cst.Subscript
OPERAND = PRIMARY | cst.Integer | cst.Float  # expressions that need no parentheses as operands
Expression = TypeVar("Expression", bound=cst.BaseExpression)


def parenthesize(value: Expression, unparenthesized: UnionType | tuple[type, ...] = PRIMARY) -> Expression:
    """Return the expression in parentheses, unless it has them or is of a type that needs none."""
    if value.lpar or isinstance(value, unparenthesized):
        return value
    return value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
