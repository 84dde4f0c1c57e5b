"""Follow the value of a setting in Python source to the literal that an edit replaces."""

from collections.abc import Iterator, Sequence

import libcst as cst

from descend.doctor.changes.found_setting import Definition, SettingKind, SourceValue, split_path
from descend.doctor.changes.setting_name import SettingName, is_same_name
from descend.doctor.changes.setting_values import literal_value
from descend.doctor.codemod.command_line_options import option_default
from descend.doctor.codemod.literals import MAX_STEPS, find_literal, is_number
from descend.doctor.codemod.names import value_of
from descend.doctor.codemod.syntax import Syntax, last_name

CONSTANTS = frozenset({"True", "False", "None"})


def is_single_value(expression: cst.BaseExpression) -> bool:
    """Return whether an expression is a number, a string on one line, True, False or None."""
    if isinstance(expression, cst.SimpleString):
        return isinstance(expression.evaluated_value, str) and "\n" not in expression.value
    return is_number(expression) or (isinstance(expression, cst.Name) and expression.value in CONSTANTS)


class SourceReader:
    """Creates the definitions of settings in one file."""

    def __init__(self, syntax: Syntax, arguments: Sequence[str], name: SettingName | None) -> None:
        self.syntax = syntax
        self.arguments = arguments  # the script's command line
        self.name = name  # the setting that is searched for; None for all settings

    def define(
        self, kind: SettingKind, path: tuple[str, ...], expression: cst.BaseExpression, is_fraction: bool = False
    ) -> Iterator[Definition]:
        """Yield the definition of a setting by an expression, a literal or code that leads to one.

        Yield nothing for a setting that is not searched for. If all are, yield only literals: if a name leads to a
        literal, the assignment of the literal is a definition as well.
        """
        is_searched = is_single_value(expression) if self.name is None else self.name.may_match(path)
        if not is_searched:
            return
        node, literal = self._edited_node(expression, split_path(path)[-1])
        code = self.syntax.code(_without_parentheses(expression if literal is None else literal))
        yield Definition(
            path,
            kind,
            code=code,
            file=self.syntax.file,
            line=self.syntax.line(node),
            column=self.syntax.start(node)[1] + 1,
            place=SourceValue(self.syntax, node) if literal is not None else None,
            value=None if literal is None else literal_value(code),
            is_fraction=is_fraction,
            is_direct=node is expression,
        )

    def _edited_node(
        self, expression: cst.BaseExpression, name: str
    ) -> tuple[cst.BaseExpression, cst.BaseExpression | None]:
        """Return the node that an edit replaces, and the literal that is the present value; None if it is computed.

        The literal itself is edited if nothing else reads it, or if all variables in between have the setting's name.
        """
        literal = find_literal(self.syntax, expression, self.arguments, is_end=is_single_value)
        if literal is not None:
            return literal, literal
        origin: cst.BaseExpression | None = expression
        has_same_name = True
        for _ in range(MAX_STEPS):
            if origin is None or is_single_value(origin):
                break
            has_same_name &= is_same_name(last_name(origin), name)
            option = last_name(origin) if isinstance(origin, cst.Attribute) else ""
            origin = value_of(self.syntax, origin) or option_default(self.syntax, option, self.arguments)
        if origin is None or not is_single_value(origin):
            return expression, None
        return (origin if has_same_name else expression), origin


def _without_parentheses(expression: cst.BaseExpression) -> cst.BaseExpression:
    """Return an expression without the parentheses around it."""
    return expression.with_changes(lpar=[], rpar=[])
