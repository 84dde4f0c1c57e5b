"""Preprocess the data in evaluation as in training: `model((x_test - mean) / std)` for `model(x_test)`.

The preprocessing of the training replaces that of the evaluation.
"""

import libcst as cst

from descend.doctor.codemod.bindings import BindingKind, nearest_binding
from descend.doctor.codemod.locate import Place, locate
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.parentheses import parenthesize
from descend.doctor.codemod.syntax import Syntax
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.record.facts import Remade
from descend.doctor.remedies.arguments import NoArguments
from descend.doctor.script.script import Script

REMAKES: frozenset[Remade] = frozenset({"inputs"})


def evaluate_as_trained(script: Script, record: Record, arguments: NoArguments) -> Script:
    """At each recorded evaluation, preprocess the model's input as the script preprocesses it in training."""
    edited, why = script, NotApplicable("the run did not show where the script evaluates the model")
    for key in record.every(facts.EvaluatedInputs):
        try:
            edited = _with_training_preprocessing(edited, record, key)
        except NotApplicable as refused:
            why = refused
    if edited.edits == script.edits:
        raise why
    return edited


def _with_training_preprocessing(script: Script, record: Record, key: str) -> Script:
    """Return the script in which one evaluation preprocesses the model's input as the training loop does."""
    trained = locate(script, record, SiteKind.MODEL_CALL, "0" if record.site(SiteKind.MODEL_CALL, "0") else "")
    evaluated = locate(script, record, SiteKind.EVALUATION, key)
    training_input, evaluation_input = _first_argument(trained), _first_argument(evaluated)
    if training_input is None or evaluation_input is None:
        raise NotApplicable("the model's input is not the first positional argument of its call")
    functions = {call.function for call in record.every(facts.OnInputs).values()}
    data = _unprocessed_tensor(evaluated.syntax, evaluation_input, functions)
    new = training_input.deep_replace(
        _unprocessed_tensor(trained.syntax, training_input, functions), parenthesize(data)
    )
    syntax, call = evaluated.syntax, evaluated.call
    if syntax.code(new) == syntax.code(evaluation_input):
        raise NotApplicable(f"line {syntax.line(call)} already preprocesses the data as training does")
    return script.edit(syntax.file, syntax.replace(call.args[0].value, new))


def _first_argument(place: Place) -> cst.BaseExpression | None:
    """Return the call's first positional argument, or for a variable the value last assigned to it; else None."""
    first = next(iter(place.call.args), None)
    if first is None or first.keyword is not None or first.star:
        return None
    found = nearest_binding(place.syntax, place.syntax.code(first.value), place.call)
    is_made = found is not None and found.kind is BindingKind.ASSIGNED and not found.path
    return found.value if found is not None and is_made else first.value


def _unprocessed_tensor(syntax: Syntax, expression: cst.BaseExpression, functions: set[str]) -> cst.BaseExpression:
    """Return the tensor to which an expression applies its preprocessing: `x[rows]` in `(x[rows] - mean) / std`.

    functions: names of functions that the record shows to be applied to data.
    """
    if isinstance(expression, cst.BinaryOperation):
        is_number = isinstance(expression.left, cst.Integer | cst.Float)
        return _unprocessed_tensor(syntax, expression.right if is_number else expression.left, functions)
    if isinstance(expression, cst.UnaryOperation):
        return _unprocessed_tensor(syntax, expression.expression, functions)
    if not isinstance(expression, cst.Call):
        return expression
    callee, given = expression.func, [a.value for a in expression.args if a.keyword is None and not a.star]
    variables = [value for value in given if not isinstance(value, cst.BaseNumber | cst.UnaryOperation)]
    if isinstance(callee, cst.Attribute) and not syntax.is_module(callee.value):
        if not variables or callee.attr.value in functions:
            return _unprocessed_tensor(syntax, callee.value, functions)
    return _unprocessed_tensor(syntax, variables[0], functions) if variables else expression
