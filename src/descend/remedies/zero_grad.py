"""Empties the gradients after each step, so that a step sees only its own batch."""

from typing import Any

import libcst as cst

from descend.record import Record
from descend.script import Script
from descend.source.insert import insert_after, insert_before
from descend.source.not_applicable import NotApplicable
from descend.source.stepping import find_stepping


def zero_grad(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert `optimizer.zero_grad()` after the optimizer's step, or at the top of its closure."""
    stepping = find_stepping(script, record, dose.get("optimizer", "0"))
    if isinstance(stepping, NotApplicable):
        return stepping
    syntax, code = stepping.place.syntax, f"{stepping.optimizer}.zero_grad()"
    if stepping.closure is not None:
        text = insert_before(syntax, _first_statement(stepping.closure), code)
    else:
        text = insert_after(syntax, stepping.place.call, code)
    return text if isinstance(text, NotApplicable) else script.edit(syntax.file, text)


def _first_statement(closure: cst.FunctionDef) -> cst.CSTNode:
    first, *others = closure.body.body
    return others[0] if others and _is_text(first) else first


def _is_text(statement: cst.CSTNode) -> bool:
    part = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else statement
    return isinstance(part, cst.Expr) and isinstance(part.value, cst.SimpleString)
