"""Add the missing backward pass: without it the optimizer has no gradients."""

from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.backward_pass import BACKWARD_METHODS, GRADIENT_PREPARATION, differentiated_loss
from descend.doctor.codemod.bindings import outermost_loop
from descend.doctor.codemod.block_statements import is_call_statement, statements_before
from descend.doctor.codemod.insert import insert_before
from descend.doctor.codemod.locate import locate
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.optimizer_step import clears_gradients
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.codemod.uncalled_method import add_missing_call, find_uncalled_method
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedies.arguments import OptimizerArguments
from descend.doctor.remedies.zero_grad import zero_grad
from descend.doctor.script.script import Script


@dataclass(frozen=True)
class CallBackwardArguments:
    """Arguments of the remedy `call_backward`, which adds a missing backward pass."""

    loss: str  # name of the variable that holds the loss
    optimizer: str = "0"  # index of the optimizer in the script, as a string: "0" for the first


def call_backward(script: Script, record: Record, arguments: CallBackwardArguments) -> Script:
    """Insert `loss.backward()` before the optimizer's step, and `optimizer.zero_grad()` if nothing clears gradients."""
    loss, key = arguments.loss, arguments.optimizer
    place = locate(script, record, SiteKind.IDLE_LOSS, key)
    syntax = place.syntax
    loop = outermost_loop(syntax, place.call)
    for call in syntax.every(cst.Call, loop):
        if (
            last_name(call.func) in BACKWARD_METHODS
            and (given := differentiated_loss(syntax, call))
            and syntax.code(given) == loss
        ):
            raise NotApplicable(f"line {syntax.line(call)} calls `{loss}.backward()` only under a condition")
    if (named := find_uncalled_method(syntax, loop, f"{loss}.backward")) is not None:
        text = add_missing_call(syntax, named)
    else:
        text = insert_before(syntax, _first_gradient_statement(syntax, place.call), f"{loss}.backward()")
    edited = script.edit(syntax.file, text)
    return edited if clears_gradients(syntax, loop) else zero_grad(edited, record, OptimizerArguments(key))


def _first_gradient_statement(syntax: Syntax, step: cst.Call) -> cst.CSTNode:
    """Return the first statement that changes the gradients before the step, such as clipping; else the step."""
    first: cst.CSTNode = step
    for statement in statements_before(syntax, step):
        if not is_call_statement(statement, GRADIENT_PREPARATION):
            break
        first = statement
    return first
