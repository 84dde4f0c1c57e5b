"""Layers kept in a plain list or dict, registered: only then are their parameters the model's.

self.layers = [nn.Linear(8, 8) for _ in range(3)]       # nn.ModuleList([nn.Linear(8, 8) for _ in range(3)])
self.heads = {}                                         # nn.ModuleDict()
self.heads["age"] = nn.Linear(8, 1)
"""

from functools import partial
from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.brackets import bracketed
from descend.doctor.source.imports import import_module
from descend.doctor.source.kept_layers import Kept, container, elements, inner_elements, kept_layers
from descend.doctor.source.locate import locate
from descend.doctor.source.model_class import model_classes
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Change, Syntax, dotted, last_name

PLAIN = cst.Lambda | cst.SimpleString | cst.Integer | cst.Float  # surely no modules


def register_layers(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Make lists and dicts of layers in the model's `__init__` a `ModuleList` and a `ModuleDict`. It takes no dose."""
    place = locate(script, record, "model")
    found = place if isinstance(place, NotApplicable) else model_classes(script, place)
    if isinstance(found, NotApplicable):
        return found
    syntax, classes = found
    changes: dict[cst.CSTNode, Change] = {}
    for kept in (kept for owner in classes for kept in kept_layers(syntax, owner)):
        if reason := _obstacle(kept):
            return NotApplicable(reason)
        kind = f"{_home(syntax)}.{kept.kind}"
        changes |= _changes(kept.value, kept.origin, kind)
        for element in kept.added:
            changes |= _changes(element, element, kind) if container(element) else {}
    if not changes:
        return NotApplicable(f"`{classes[0].name.value}` keeps no layers in a plain list or dict")
    text: str | NotApplicable = syntax.rewrite(changes)
    if isinstance(text, str) and _home(syntax) == "torch.nn":
        text = import_module(syntax.file, text, "torch")
    return text if isinstance(text, NotApplicable) else script.edit(syntax.file, text)


def _home(syntax: Syntax) -> str:
    """Return what the file calls torch.nn."""
    homes = {syntax.code(a.value) for a in syntax.every(cst.Attribute) if syntax.is_module(a.value)}
    return next((home for home in ("nn", "torch.nn") if home in homes), "torch.nn")


def _obstacle(kept: Kept) -> str:
    syntax, line = kept.syntax, kept.syntax.line(kept.value)
    for element in inner_elements(kept.origin, kept.added):
        is_function = isinstance(element, cst.Attribute) and syntax.is_module(element)  # F.relu
        if is_function or isinstance(element, PLAIN):
            return f"the list in line {line} holds `{syntax.code(element)}`, which is no module"
    if container(kept.origin) == "Dict" and any(isinstance(key, cst.Integer) for key in _keys(kept)):
        return f"the dict in line {line} has keys that are no text"
    started = [c for c in syntax.every(cst.Call, kept.initialiser) if last_name(c.func) == "__init__"]
    if not started or syntax.line(started[0]) > line:
        return f"line {line} keeps layers before the module's own `__init__` is called"
    return ""


def _keys(kept: Kept) -> list[cst.BaseExpression]:
    if isinstance(kept.origin, cst.Dict):
        return [element.key for element in kept.origin.elements if isinstance(element, cst.DictElement)]
    if isinstance(kept.origin, cst.DictComp):
        return [kept.origin.key]
    return []


def _changes(value: cst.BaseExpression, origin: cst.BaseExpression, kind: str) -> dict[cst.CSTNode, Change]:
    """Return the edits that wrap `value`, which stands for `origin`, and the lists and dicts inside that."""
    changes: dict[cst.CSTNode, Change] = {value: partial(_wrapped, name=kind + container(origin))}
    for element in elements(origin):
        if container(element):
            changes |= _changes(element, element, kind)
    return changes


def _wrapped(value: cst.CSTNode, name: str) -> cst.Call:
    assert isinstance(value, cst.BaseExpression)
    if isinstance(value, cst.Tuple):
        value = bracketed(value)
    is_empty = isinstance(value, cst.List | cst.Dict) and not value.elements
    return cst.Call(dotted(name), [] if is_empty else [cst.Arg(value)])
