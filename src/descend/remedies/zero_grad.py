"""Empties the gradients after each step, so that a step sees only its own batch."""

from typing import Any

import libcst as cst

from descend.record import Record
from descend.remedies.insert import insert_after, insert_before
from descend.remedies.locate import Place, locate
from descend.remedies.names import assigned_value, binding
from descend.remedies.remedy import NotApplicable
from descend.remedies.syntax import first_name, last_name
from descend.script import Script


def zero_grad(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert `optimizer.zero_grad()` after the optimizer's step, or at the top of its closure."""
    key = dose.get("optimizer", "0")
    place = locate(script, record, "step", key)
    if isinstance(place, NotApplicable):
        return place
    if not isinstance(place.call.func, cst.Attribute) or last_name(place.call.func) != "step":
        return NotApplicable(place.inside)
    made = record.site("optimizer", key)
    optimizer, closure = _stepping(place, made.variable if made else "")
    code = f"{optimizer}.zero_grad()"
    if closure is not None:
        text = insert_before(place.syntax, _first_statement(closure), code)
    else:
        text = insert_after(place.syntax, place.call, code)
    return text if isinstance(text, NotApplicable) else script.edit(place.syntax.file, text)


def _stepping(place: Place, variable: str) -> tuple[str, cst.FunctionDef | None]:
    """Return the optimizer's expression, and the closure that it calls, if any.

    `scaler.step(optimizer)` names the optimizer as the argument, `optimizer.step(closure)` as the receiver.
    """
    assert isinstance(place.call.func, cst.Attribute)
    receiver = place.syntax.code(place.call.func.value)
    if not place.call.args or place.call.args[0].star:
        return receiver, None
    argument = place.call.args[0].value
    code = place.syntax.code(argument)
    if code == variable and code != receiver:
        return code, None
    bound = binding(place.syntax, argument) if isinstance(argument, cst.Name) else None
    if bound is not None and isinstance(bound.node, cst.FunctionDef):
        return receiver, bound.node
    return (code if _is_scaler(place) and receiver != variable else receiver), None


def _is_scaler(place: Place) -> bool:
    assert isinstance(place.call.func, cst.Attribute)
    receiver = place.call.func.value
    name = first_name(receiver)
    value = assigned_value(place.syntax, name) if name is not None and name is receiver else None
    if isinstance(value, cst.Call):
        return "scaler" in last_name(value.func).lower()
    return "scaler" in last_name(receiver).lower()


def _first_statement(closure: cst.FunctionDef) -> cst.CSTNode:
    first, *others = closure.body.body
    return others[0] if others and _is_text(first) else first


def _is_text(statement: cst.CSTNode) -> bool:
    part = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else statement
    return isinstance(part, cst.Expr) and isinstance(part.value, cst.SimpleString)
