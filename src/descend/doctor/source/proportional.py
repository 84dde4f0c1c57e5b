"""The numbers that a value is proportional to: with all of them times a factor it is that many times as large.

learning_rate, min_lr = 6e-4, 6e-5
def get_lr(step):
    if step < warmup:
        return learning_rate * (step + 1) / warmup
    return min_lr + 0.5 * (1 + math.cos(...)) * (learning_rate - min_lr)   # proportional to learning_rate and min_lr
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import libcst as cst
from libcst.metadata import Assignment

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.configuration import Scalar, configured
from descend.doctor.source.functions import called_functions, calls_of, function_around, given_arguments, returned
from descend.doctor.source.literals import STEPS, is_number, option_default
from descend.doctor.source.names import value_behind, value_of_target
from descend.doctor.source.syntax import Syntax, last_name

MOST = 16  # alternatives that are followed; an expression with more of them is no learning rate
SAME_DEGREE = frozenset({"float", "int", "min", "max", "round"})  # functions that keep what a value is proportional to

Root = cst.BaseExpression | Scalar  # a number written in the source, or in a file of settings
Roots = frozenset[Root]


@dataclass(frozen=True, eq=False)
class Proportional:
    """Finds the numbers that an expression of one file is proportional to."""

    script: Script
    record: Record
    syntax: Syntax

    def alternatives(self, expression: cst.BaseExpression | None, steps: int = 3 * STEPS) -> list[Roots]:
        """Return the sets of numbers of which each will do, the smallest first; none where there is no such set."""
        if expression is None or steps == 0:
            return []
        found = dict.fromkeys(self._alternatives(expression, steps - 1))
        return sorted(found, key=len)[:MOST]

    def _alternatives(self, expression: cst.BaseExpression, steps: int) -> Iterable[Roots]:
        match expression:
            case _ if is_number(expression):
                is_zero = not float(self.syntax.code(expression).replace("_", "").replace(" ", ""))
                return [frozenset() if is_zero else frozenset({expression})]
            case cst.BinaryOperation(left=left, operator=cst.Multiply(), right=right):
                return [*self.alternatives(left, steps), *self.alternatives(right, steps)]
            case cst.BinaryOperation(left=left, operator=cst.Divide()):
                return self.alternatives(left, steps)
            case cst.BinaryOperation(left=left, operator=cst.Add() | cst.Subtract(), right=right):
                return self._together([left, right], steps)
            case cst.UnaryOperation(operator=cst.Minus() | cst.Plus(), expression=inner):
                return self.alternatives(inner, steps)
            case cst.IfExp(body=body, orelse=other):
                return self._together([body, other], steps)
            case cst.Call():
                return self._of_call(expression, steps)
            case cst.Name():
                return self._of_name(expression, steps)
            case cst.Attribute() | cst.Subscript():
                return self._of_member(expression, steps)
        return []

    def _together(self, parts: Iterable[cst.BaseExpression | None], steps: int) -> list[Roots]:
        """Return the sets that will do for each of the parts."""
        found = [self.alternatives(part, steps) for part in parts]
        return [frozenset().union(*chosen) for chosen in product(*found)] if found else []

    def _of_call(self, call: cst.Call, steps: int) -> list[Roots]:
        if last_name(call.func) in SAME_DEGREE:
            given = call.args[:1] if last_name(call.func) == "round" else call.args
            return self._together([argument.value for argument in given], steps)
        functions = called_functions(self.syntax, call)
        return self._together(returned(self.syntax, functions[0]), steps) if len(functions) == 1 else []

    def _of_name(self, name: cst.Name, steps: int) -> list[Roots]:
        """Return the sets that will do for each value that a name is given, its changes by a factor aside."""
        scope = self.syntax.scopes.get(name)
        values: list[cst.BaseExpression | None] = []
        for bound in scope[name.value] if scope is not None else ():
            node = bound.node if isinstance(bound, Assignment) else None
            if isinstance(node, cst.Param):
                values += self._given(node)
            elif not _scales(self.syntax, node, name.value):
                values.append(value_of_target(self.syntax, node) if isinstance(node, cst.Name) else None)
        return self._together(values, steps)

    def _given(self, parameter: cst.Param) -> list[cst.BaseExpression | None]:
        """Return what each call of the function gives to its parameter."""
        function = function_around(self.syntax, parameter)
        calls = calls_of(self.syntax, function) if function is not None else []
        if function is None or any(argument.star for call in calls for argument in call.args):
            return [None]
        given = [given_arguments(function, call).get(parameter.name.value, parameter.default) for call in calls]
        return [*given] or [parameter.default]

    def _of_member(self, expression: cst.Attribute | cst.Subscript, steps: int) -> list[Roots]:
        value = value_behind(self.syntax, expression)
        if value is None and isinstance(expression, cst.Attribute):
            value = option_default(self.syntax, expression.attr.value, self.script.arguments)
        if value is not None and (found := self.alternatives(value, steps)):
            return found
        scalar = configured(self.script, self.record, self.syntax, expression, None)
        return [frozenset({scalar})] if scalar is not None and scalar.is_number else []


def _scales(syntax: Syntax, node: cst.CSTNode | None, name: str) -> bool:
    """Whether a statement multiplies what the name has: `lr *= 0.1`, `lr = lr * 0.1`."""
    statement = syntax.parents.get(node) if node is not None else None
    if isinstance(statement, cst.AugAssign):
        return isinstance(statement.operator, cst.MultiplyAssign | cst.DivideAssign)
    value = value_of_target(syntax, node) if node is not None and statement is not None else None
    if not isinstance(value, cst.BinaryOperation) or not isinstance(value.operator, cst.Multiply | cst.Divide):
        return False
    sides = [value.left] if isinstance(value.operator, cst.Divide) else [value.left, value.right]
    return any(isinstance(side, cst.Name) and side.value == name for side in sides)
