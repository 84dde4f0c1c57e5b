"""In evaluation the network is given its data as in training: `model(x_test)` beside `model((x[rows] - mean) / std)`.

What training does to its data is done to those of the evaluation, in place of what is done to them now.
"""

from typing import Any

import libcst as cst

from descend.doctor.record import Record, facts
from descend.doctor.record.facts import Remade
from descend.doctor.script.script import Script
from descend.doctor.source.bindings import nearest_binding
from descend.doctor.source.brackets import bracketed
from descend.doctor.source.locate import Place, locate
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax

REMAKES: frozenset[Remade] = frozenset({"inputs"})


def evaluate_as_trained(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Rewrite what the network is given at each place that evaluates it. It takes no dose."""
    edited, why = script, NotApplicable("the run did not show where the script evaluates")
    for key in record.every(facts.EvaluatedInputs):
        changed = _as_trained(edited, record, key)
        if isinstance(changed, NotApplicable):
            why = changed
        else:
            edited = changed
    return edited if edited.edits != script.edits else why


def _as_trained(script: Script, record: Record, key: str) -> Script | NotApplicable:
    trained = locate(script, record, "model_call", "0" if record.site("model_call", "0") else "")
    evaluated = locate(script, record, "evaluation", key)
    if isinstance(trained, NotApplicable):
        return trained
    if isinstance(evaluated, NotApplicable):
        return evaluated
    theirs, ours = _given(trained), _given(evaluated)
    if theirs is None or ours is None:
        return NotApplicable("the network's call does not show what it is given")
    functions = {call.function for call in record.every(facts.OnInputs).values()}
    data = _data(evaluated.syntax, ours, functions)
    new = theirs.deep_replace(_data(trained.syntax, theirs, functions), bracketed(data))
    syntax, call = evaluated.syntax, evaluated.call
    if syntax.code(new) == syntax.code(ours):
        return NotApplicable(f"line {syntax.line(call)} gives the network its data as training does")
    return script.edit(syntax.file, syntax.replace(call.args[0].value, new))


def _given(place: Place) -> cst.BaseExpression | None:
    """Return what a call is given first; of a variable that is made just before it, what that is made of."""
    first = next(iter(place.call.args), None)
    if first is None or first.keyword is not None or first.star:
        return None
    found = nearest_binding(place.syntax, place.syntax.code(first.value), place.call)
    is_made = found is not None and found.kind == "assigned" and not found.path
    return found.value if found is not None and is_made else first.value


def _data(syntax: Syntax, expression: cst.BaseExpression, functions: set[str]) -> cst.BaseExpression:
    """Return the tensor that an expression does something to: `x[rows]` of `(x[rows] - mean) / std`.

    functions: what is known to be called on data; as a method it belongs to them.
    """
    if isinstance(expression, cst.BinaryOperation):
        is_number = isinstance(expression.left, cst.Integer | cst.Float)
        return _data(syntax, expression.right if is_number else expression.left, functions)
    if isinstance(expression, cst.UnaryOperation):
        return _data(syntax, expression.expression, functions)
    if not isinstance(expression, cst.Call):
        return expression
    callee, given = expression.func, [a.value for a in expression.args if a.keyword is None and not a.star]
    variables = [value for value in given if not isinstance(value, cst.BaseNumber | cst.UnaryOperation)]
    if isinstance(callee, cst.Attribute) and not syntax.is_module(callee.value):
        if not variables or callee.attr.value in functions:
            return _data(syntax, callee.value, functions)
    return _data(syntax, variables[0], functions) if variables else expression
