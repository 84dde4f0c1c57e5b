"""Clear the gradients after each step, so that a step uses only the gradients of its own batch."""

import libcst as cst

from descend.doctor.codemod.backward_pass import is_backward_call
from descend.doctor.codemod.functions import enclosing_scope
from descend.doctor.codemod.insert import insert_after, insert_before
from descend.doctor.codemod.locate import locate
from descend.doctor.codemod.manual_updates import gradients_in_updates
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.optimizer_step import StepCall, find_step_call
from descend.doctor.codemod.syntax import parse
from descend.doctor.codemod.uncalled_method import add_missing_call, find_uncalled_method
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedies.arguments import OptimizerArguments
from descend.doctor.script.script import Script


def zero_grad(script: Script, record: Record, arguments: OptimizerArguments) -> Script:
    """Insert `optimizer.zero_grad()` after the optimizer's step, or at the start of the closure that the step calls.

    If the file has `optimizer.zero_grad` without parentheses, these are added. A script that updates its parameters by
    hand gets `w.grad = None` after each last use of a gradient.
    """
    if record.site(SiteKind.OPTIMIZER) is None and record.site(SiteKind.STEP) is None:
        return _clear_without_optimizer(script, record)
    stepping = find_step_call(script, record, arguments.optimizer)
    syntax, code = stepping.place.syntax, f"{stepping.optimizer}.zero_grad()"
    if (idle := _uncalled_zero_grad(stepping)) is not None:
        text = add_missing_call(syntax, idle)
    elif stepping.closure is not None:
        text = insert_before(syntax, _first_statement(stepping.closure), code)
    else:
        text = insert_after(syntax, stepping.place.call, code)
    return script.edit(syntax.file, text)


def _uncalled_zero_grad(stepping: StepCall) -> cst.Attribute | None:
    """Return an `optimizer.zero_grad` without parentheses, unless it is between backward pass and step; else None."""
    syntax, step = stepping.place.syntax, stepping.place.call
    found = find_uncalled_method(syntax, enclosing_scope(syntax, step), f"{stepping.optimizer}.zero_grad")
    if found is None:
        return None
    passes = [syntax.line(call) for call in syntax.every(cst.Call) if is_backward_call(call)]
    between = any(line < syntax.line(found) < syntax.line(step) for line in passes)
    return None if between else found


def _clear_without_optimizer(script: Script, record: Record) -> Script:
    """In a script without an optimizer, set the gradient of each parameter to None after its last use."""
    place = locate(script, record, SiteKind.BACKWARD)
    syntax = place.syntax
    last = {
        syntax.code(read.value): read for read in gradients_in_updates(syntax)
    }  # parameter -> the last code that reads its gradient
    if not last:
        raise NotApplicable("no statement was found that updates a parameter by its `.grad`")
    edited = syntax
    # Lines are inserted from the bottom up, so that the positions above them stay valid.
    for parameter, read in reversed(list(last.items())):
        at = syntax.every(cst.Attribute).index(read)
        text = insert_after(edited, edited.every(cst.Attribute)[at], f"{parameter}.grad = None")
        edited = parse(syntax.file, text)
    return script.edit(syntax.file, edited.module.code)


def _first_statement(closure: cst.FunctionDef) -> cst.CSTNode:
    """Return the first statement of a closure, not counting its docstring."""
    first, *others = closure.body.body
    return others[0] if others and _is_docstring(first) else first


def _is_docstring(statement: cst.CSTNode) -> bool:
    """Return whether a statement is a docstring."""
    part = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else statement
    return isinstance(part, cst.Expr) and isinstance(part.value, cst.SimpleString)
