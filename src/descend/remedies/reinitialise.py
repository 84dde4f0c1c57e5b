"""Weights drawn anew before the optimizer sees them, at the scale that suits the activation.

He et al. 2015 (eq. 10) for rectifiers, Glorot & Bengio 2010 (eq. 16) for saturating functions; the drawing
itself is `descend.network.reinitialise`.
"""

from typing import Any

from descend.record import Record
from descend.script import Script
from descend.source.imports import import_name
from descend.source.insert import insert_before
from descend.source.locate import locate
from descend.source.not_applicable import NotApplicable
from descend.source.owners import owners


def reinitialise(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert `reinitialise(model, activation=…)` before the statement that makes the optimizer."""
    draw = f", draw={dose['draw']}" if "draw" in dose else ""
    call = f'reinitialise({{}}, activation="{dose["activation"]}"{draw})'
    return before_the_optimizer(script, record, dose.get("optimizer", "0"), call)


def before_the_optimizer(script: Script, record: Record, key: str, call: str) -> Script | NotApplicable:
    """Insert `call`, a function of `descend.network` with `{}` for the model, before the optimizer is made."""
    place = locate(script, record, "optimizer", key)
    if isinstance(place, NotApplicable):
        return place
    models = owners(place) or _model_at_site(record, key)
    if not models:
        line = place.syntax.line(place.call)
        return NotApplicable(f"the optimizer in line {line} does not say whose parameters it gets")
    text = insert_before(place.syntax, place.call, *map(call.format, models))
    if isinstance(text, str):
        text = import_name(place.syntax.file, text, "descend.network", call.partition("(")[0])
    return text if isinstance(text, NotApplicable) else script.edit(place.syntax.file, text)


def _model_at_site(record: Record, key: str) -> list[str]:
    model, optimizer = record.site("model"), record.site("optimizer", key)
    if model is None or optimizer is None or not model.variable:
        return []
    is_near = (model.file, model.function) == (optimizer.file, optimizer.function)
    return [model.variable] if is_near and model.line <= optimizer.line else []
