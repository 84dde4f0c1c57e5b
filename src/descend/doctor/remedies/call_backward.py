"""The backward pass that the loop leaves out: without it there are no gradients for the step to take."""

from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.remedies.zero_grad import zero_grad
from descend.doctor.script.script import Script
from descend.doctor.source.backward_pass import BACKWARD, BEFORE_STEP, loss_of
from descend.doctor.source.beside import is_call_in, statements_before
from descend.doctor.source.bindings import outermost_loop
from descend.doctor.source.insert import insert_before
from descend.doctor.source.locate import locate
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.stepping import clears_gradients
from descend.doctor.source.syntax import Syntax, last_name
from descend.doctor.source.uncalled import called, uncalled


def call_backward(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert `loss.backward()` before the optimizer's step, and `optimizer.zero_grad()` if nothing clears gradients."""
    loss, key = dose["loss"], dose.get("optimizer", "0")
    place = locate(script, record, "idle_loss", key)
    if isinstance(place, NotApplicable):
        return place
    syntax = place.syntax
    loop = outermost_loop(syntax, place.call)
    for call in syntax.every(cst.Call, loop):
        if last_name(call.func) in BACKWARD and (given := loss_of(syntax, call)) and syntax.code(given) == loss:
            return NotApplicable(f"line {syntax.line(call)} goes backward from `{loss}`, if ever its condition holds")
    if (named := uncalled(syntax, loop, f"{loss}.backward")) is not None:
        text = called(syntax, named)
    else:
        text = insert_before(syntax, _first_of_step(syntax, place.call), f"{loss}.backward()")
    if isinstance(text, NotApplicable):
        return text
    edited = script.edit(syntax.file, text)
    return edited if clears_gradients(syntax, loop) else zero_grad(edited, record, {"optimizer": key})


def _first_of_step(syntax: Syntax, step: cst.Call) -> cst.CSTNode:
    """Return the first statement of those that use the gradients: clipping comes before the step."""
    first: cst.CSTNode = step
    for statement in statements_before(syntax, step):
        if not is_call_in(statement, BEFORE_STEP):
            break
        first = statement
    return first
