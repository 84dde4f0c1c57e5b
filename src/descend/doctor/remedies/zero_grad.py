"""Empties the gradients after each step, so that a step sees only its own batch."""

from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.backward_pass import is_backward
from descend.doctor.source.functions import home_of
from descend.doctor.source.insert import insert_after, insert_before
from descend.doctor.source.locate import locate
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.stepping import Stepping, find_stepping
from descend.doctor.source.syntax import parse
from descend.doctor.source.uncalled import called, uncalled
from descend.doctor.source.updates import used_gradients


def zero_grad(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert `optimizer.zero_grad()` after the optimizer's step, or at the top of its closure, or call it where it is.

    A script that updates its parameters by hand forgets each gradient (`w.grad = None`) where it has used it.
    """
    if record.site("optimizer") is None and record.site("step") is None:
        return _by_hand(script, record)
    stepping = find_stepping(script, record, dose.get("optimizer", "0"))
    if isinstance(stepping, NotApplicable):
        return stepping
    syntax, code = stepping.place.syntax, f"{stepping.optimizer}.zero_grad()"
    if (idle := _idle(stepping)) is not None:
        text = called(syntax, idle)
    elif stepping.closure is not None:
        text = insert_before(syntax, _first_statement(stepping.closure), code)
    else:
        text = insert_after(syntax, stepping.place.call, code)
    return text if isinstance(text, NotApplicable) else script.edit(syntax.file, text)


def _idle(stepping: Stepping) -> cst.Attribute | None:
    """Return `optimizer.zero_grad` without its parentheses, unless it stands between the backward pass and the step."""
    syntax, step = stepping.place.syntax, stepping.place.call
    found = uncalled(syntax, home_of(syntax, step), f"{stepping.optimizer}.zero_grad")
    if found is None:
        return None
    passes = [syntax.line(call) for call in syntax.every(cst.Call) if is_backward(call)]
    between = any(line < syntax.line(found) < syntax.line(step) for line in passes)
    return None if between else found


def _by_hand(script: Script, record: Record) -> Script | NotApplicable:
    place = locate(script, record, "backward")
    if isinstance(place, NotApplicable):
        return place
    syntax = place.syntax
    last = {syntax.code(read.value): read for read in used_gradients(syntax)}  # where each is used last
    if not last:
        return NotApplicable("no statement is found that updates a parameter by its `.grad`")
    edited = syntax
    for parameter, read in reversed(list(last.items())):  # from below, so that the places above stay
        at = syntax.every(cst.Attribute).index(read)
        text = insert_after(edited, edited.every(cst.Attribute)[at], f"{parameter}.grad = None")
        if isinstance(text, NotApplicable):
            return text
        parsed = parse(syntax.file, text)
        if isinstance(parsed, NotApplicable):
            return parsed
        edited = parsed
    return script.edit(syntax.file, edited.module.code)


def _first_statement(closure: cst.FunctionDef) -> cst.CSTNode:
    first, *others = closure.body.body
    return others[0] if others and _is_text(first) else first


def _is_text(statement: cst.CSTNode) -> bool:
    part = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else statement
    return isinstance(part, cst.Expr) and isinstance(part.value, cst.SimpleString)
