"""Frozen parameters let go: what sets their `requires_grad` to False is taken away."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.called_model import called_model
from descend.doctor.source.freezes import Freeze, find_freezes
from descend.doctor.source.give_way import give_way
from descend.doctor.source.locate import Place, locate
from descend.doctor.source.model_class import model_classes
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.remove import remove
from descend.doctor.source.syntax import Syntax, parse

SITES = ("model", "model_call", "optimizer", "backward")  # whose files are searched, beside the script


def unfreeze(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Delete what freezes `dose["parameters"]`, named as the model names them; by default all that freezes."""
    parameters = list(dose.get("parameters", ()))
    models, files = _models(script, record), _files(script, record)
    for sure in (True, None):  # what is about these parameters; if nothing is, what may be
        edited = script
        for file in files:
            edited = _without_freezes(edited, file, models, parameters, sure)
        if edited is not script:
            return edited
    what = f"`{parameters[0]}`" if parameters else "parameters"
    return NotApplicable(f"no statement that freezes {what} is seen in {', '.join(file.name for file in files)}")


def _models(script: Script, record: Record) -> set[str]:
    """Return what the model is called where it is made, and where it is called."""
    made, call = record.site("model"), locate(script, record, "model_call")
    called = called_model(call) if isinstance(call, Place) else None
    return {name for name in (made.variable if made else "", called) if isinstance(name, str) and name}


def _files(script: Script, record: Record) -> list[Path]:
    places = [place for kind in SITES if isinstance(place := locate(script, record, kind), Place)]
    classes = [model_classes(script, place) for place in places if place.site.kind == "model"]
    defining = [found[0].file for found in classes if not isinstance(found, NotApplicable)]
    return list(dict.fromkeys([script.path, *(place.syntax.file for place in places), *defining]))


def _without_freezes(
    script: Script, file: Path, models: set[str], parameters: Sequence[str], sure: bool | None
) -> Script:
    """Return the script without the freezes of that file for which `_concerns` says what `sure` is."""
    syntax = parse(file, script.read(file))
    while isinstance(syntax, Syntax):
        wanted = [f for f in find_freezes(syntax) if _concerns(f.owner, models, parameters) is sure]
        if not wanted:
            break
        script = script.edit(file, _without(syntax, wanted[-1]))
        syntax = parse(file, script.read(file))
    return script


def _without(syntax: Syntax, freeze: Freeze) -> str:
    if isinstance(freeze.node, cst.Call) and isinstance(freeze.node.func, cst.Attribute):
        return give_way(syntax, freeze.node, freeze.node.func.value)
    return remove(syntax, freeze.node)


def _concerns(owner: str, models: set[str], parameters: Sequence[str]) -> bool | None:
    """Return whether any of the parameters is the owner's; None when it is not told whose name that is."""
    if not parameters or owner in models:
        return True
    for model in models:
        if owner.startswith(model + "."):
            path = owner.removeprefix(model + ".")
            return any(f"{name}.".startswith(path + ".") for name in parameters)
    if owner.startswith("self."):  # of the model or any part of it
        path = owner.removeprefix("self")
        return any(f"{path}." in f".{name}." for name in parameters)
    return None
