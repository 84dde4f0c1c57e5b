"""Find the numbers in the source that a value is proportional to, such as those of a learning rate schedule.

learning_rate, min_lr = 6e-4, 6e-5
def get_lr(step):
    if step < warmup:
        return learning_rate * (step + 1) / warmup
    return min_lr + 0.5 * (1 + math.cos(...)) * (learning_rate - min_lr)   # proportional to learning_rate and min_lr

If all these numbers are multiplied by a factor, the value is multiplied by the same factor.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

import libcst as cst
from libcst.metadata import Assignment

from descend.doctor.codemod.command_line_options import option_default
from descend.doctor.codemod.file_scalars import Scalar
from descend.doctor.codemod.functions import (
    bind_arguments,
    called_functions,
    calls_to,
    function_around,
    returned_values,
)
from descend.doctor.codemod.literals import MAX_STEPS, is_number
from descend.doctor.codemod.names import value_of, value_of_target
from descend.doctor.codemod.settings_files import find_scalar
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.record import Record
from descend.doctor.script.script import Script

# An expression can be proportional to several alternative sets of numbers; at most this many are kept. An expression
# with more of them is probably not a learning rate.
MAX_ALTERNATIVES = 16
# If all arguments of these functions are multiplied by a factor, so is the result.
LINEAR_FUNCTIONS = frozenset({"float", "int", "min", "max", "round"})

Factor = cst.BaseExpression | Scalar  # a number in the source or in a settings file
Factors = frozenset[Factor]


@dataclass(frozen=True, eq=False)
class ProportionalFactors:
    """Finds the sets of numbers in a script to which an expression, such as a learning rate, is proportional."""

    script: Script
    record: Record
    syntax: Syntax

    def factor_sets(self, expression: cst.BaseExpression | None, steps: int = 3 * MAX_STEPS) -> list[Factors]:
        """Return sets of numbers, smallest first: if all numbers of a set are doubled, so is the expression."""
        if expression is None or steps == 0:
            return []
        found = dict.fromkeys(self._expression_factor_sets(expression, steps - 1))
        return sorted(found, key=len)[:MAX_ALTERNATIVES]

    def _expression_factor_sets(self, expression: cst.BaseExpression, steps: int) -> Iterable[Factors]:
        """Return the sets of numbers to which an expression, such as a product, a sum or a call, is proportional."""
        match expression:
            case _ if is_number(expression):
                is_zero = not float(self.syntax.code(expression).replace("_", "").replace(" ", ""))
                return [frozenset() if is_zero else frozenset({expression})]
            case cst.BinaryOperation(left=left, operator=cst.Multiply(), right=right):
                return [*self.factor_sets(left, steps), *self.factor_sets(right, steps)]
            case cst.BinaryOperation(left=left, operator=cst.Divide()):
                return self.factor_sets(left, steps)
            case cst.BinaryOperation(left=left, operator=cst.Add() | cst.Subtract(), right=right):
                return self._joint_factor_sets([left, right], steps)
            case cst.UnaryOperation(operator=cst.Minus() | cst.Plus(), expression=inner):
                return self.factor_sets(inner, steps)
            case cst.IfExp(body=body, orelse=other):
                return self._joint_factor_sets([body, other], steps)
            case cst.Call():
                return self._call_factor_sets(expression, steps)
            case cst.Name():
                return self._name_factor_sets(expression, steps)
            case cst.Attribute() | cst.Subscript():
                return self._member_factor_sets(expression, steps)
        return []

    def _joint_factor_sets(self, parts: Iterable[cst.BaseExpression | None], steps: int) -> list[Factors]:
        """Return the sets of numbers to which all of several expressions, such as a sum's terms, are proportional."""
        found = [self.factor_sets(part, steps) for part in parts]
        return [frozenset().union(*chosen) for chosen in product(*found)] if found else []

    def _call_factor_sets(self, call: cst.Call, steps: int) -> list[Factors]:
        """Return the sets of numbers to which the result of a call is proportional."""
        if last_name(call.func) in LINEAR_FUNCTIONS:
            given = call.args[:1] if last_name(call.func) == "round" else call.args
            return self._joint_factor_sets([argument.value for argument in given], steps)
        functions = called_functions(self.syntax, call)
        return self._joint_factor_sets(returned_values(self.syntax, functions[0]), steps) if len(functions) == 1 else []

    def _name_factor_sets(self, name: cst.Name, steps: int) -> list[Factors]:
        """Return the sets of numbers to which every value of a variable is proportional."""
        scope = self.syntax.scopes.get(name)
        values: list[cst.BaseExpression | None] = []
        for bound in scope[name.value] if scope is not None else ():
            node = bound.node if isinstance(bound, Assignment) else None
            if isinstance(node, cst.Param):
                values += self._argument_values(node)
            elif not _multiplies_variable(self.syntax, node, name.value):
                values.append(value_of_target(self.syntax, node) if isinstance(node, cst.Name) else None)
        return self._joint_factor_sets(values, steps)

    def _argument_values(self, parameter: cst.Param) -> list[cst.BaseExpression | None]:
        """Return all values that the calls in the file pass for a function's parameter."""
        function = function_around(self.syntax, parameter)
        calls = calls_to(self.syntax, function) if function is not None else []
        if function is None or any(argument.star for call in calls for argument in call.args):
            return [None]
        given = [bind_arguments(function, call).get(parameter.name.value, parameter.default) for call in calls]
        return [*given] or [parameter.default]

    def _member_factor_sets(self, expression: cst.Attribute | cst.Subscript, steps: int) -> list[Factors]:
        """Return the sets of numbers to which an attribute or key, perhaps of a settings file, is proportional."""
        value = value_of(self.syntax, expression)
        if value is None and isinstance(expression, cst.Attribute):
            value = option_default(self.syntax, expression.attr.value, self.script.arguments)
        if value is not None and (found := self.factor_sets(value, steps)):
            return found
        scalar = find_scalar(self.script, self.record, self.syntax, expression, None)
        return [frozenset({scalar})] if scalar is not None and scalar.is_number else []


def _multiplies_variable(syntax: Syntax, node: cst.CSTNode | None, name: str) -> bool:
    """Return whether a statement multiplies a variable by a factor or divides it, as ``lr *= 0.1`` does."""
    statement = syntax.parents.get(node) if node is not None else None
    if isinstance(statement, cst.AugAssign):
        return isinstance(statement.operator, cst.MultiplyAssign | cst.DivideAssign)
    value = value_of_target(syntax, node) if node is not None and statement is not None else None
    if not isinstance(value, cst.BinaryOperation) or not isinstance(value.operator, cst.Multiply | cst.Divide):
        return False
    sides = [value.left] if isinstance(value.operator, cst.Divide) else [value.left, value.right]
    return any(isinstance(side, cst.Name) and side.value == name for side in sides)
