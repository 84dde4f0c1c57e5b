"""Weights drawn anew before the optimizer sees them, at the scale that suits the activation.

He et al. 2015 (eq. 10) for rectifiers, Glorot & Bengio 2010 (eq. 16) for saturating functions; the drawing
itself is `descend.network.reinitialise`.
"""

from typing import Any

import libcst as cst

from descend.record import Record
from descend.remedies.arguments import PARAMETERS, find_argument
from descend.remedies.imports import import_name
from descend.remedies.insert import insert_before
from descend.remedies.locate import Place, locate
from descend.remedies.names import assigned_value
from descend.remedies.remedy import NotApplicable
from descend.remedies.syntax import Syntax
from descend.script import Script


def reinitialise(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert `reinitialise(model, activation=…)` before the statement that makes the optimizer."""
    key = dose.get("optimizer", "0")
    place = locate(script, record, "optimizer", key)
    if isinstance(place, NotApplicable):
        return place
    models = _models(place) or _model_at_site(record, key)
    if not models:
        line = place.syntax.line(place.call)
        return NotApplicable(f"the optimizer in line {line} does not say whose parameters it gets")
    text: str | NotApplicable = place.syntax.module.code
    for model in models:
        place = locate(script, record, "optimizer", key)
        if isinstance(place, NotApplicable):
            return place
        text = insert_before(place.syntax, place.call, _statement(model, dose["activation"]))
        if isinstance(text, NotApplicable):
            return text
        script = script.edit(place.syntax.file, text)
    text = import_name(place.syntax.file, str(text), "descend.network", "reinitialise")
    return text if isinstance(text, NotApplicable) else script.edit(place.syntax.file, text)


def _statement(model: str, activation: str) -> str:
    return f'reinitialise({model}, activation="{activation}")'


def _models(place: Place) -> list[str]:
    """Return the modules whose `.parameters()` the optimizer gets, each once."""
    argument = find_argument(place.call, "params", 0)
    if argument is None:
        return []
    value: cst.BaseExpression | None = argument.value
    if isinstance(value, cst.Name):
        value = assigned_value(place.syntax, value)
    return _owners(place.syntax, value) if value is not None else []


def _owners(syntax: Syntax, value: cst.BaseExpression) -> list[str]:
    owners = []
    for call in syntax.every(cst.Call, value):
        if isinstance(call.func, cst.Attribute) and call.func.attr.value in PARAMETERS:
            owner = call.func.value
            if _is_made_here(syntax, owner, value):
                return []
            owners.append(syntax.code(owner))
    return list(dict.fromkeys(owners))


def _is_made_here(syntax: Syntax, owner: cst.BaseExpression, value: cst.BaseExpression) -> bool:
    """Return whether the owner lives only inside the expression: a new module, a loop's variable."""
    if syntax.every(cst.Call, owner):
        return True
    names = {name.value for name in syntax.every(cst.Name, owner)}
    targets = [loop.target for loop in syntax.every(cst.CompFor, value)]
    return bool(names & {name.value for target in targets for name in syntax.every(cst.Name, target)})


def _model_at_site(record: Record, key: str) -> list[str]:
    model, optimizer = record.site("model"), record.site("optimizer", key)
    if model is None or optimizer is None or not model.variable:
        return []
    is_near = (model.file, model.function) == (optimizer.file, optimizer.function)
    return [model.variable] if is_near and model.line <= optimizer.line else []
