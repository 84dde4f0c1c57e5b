"""Register layers that a plain list or dict holds, so that their parameters belong to the model.

self.layers = [nn.Linear(8, 8) for _ in range(3)]       # nn.ModuleList([nn.Linear(8, 8) for _ in range(3)])
self.heads = {}                                         # nn.ModuleDict()
self.heads["age"] = nn.Linear(8, 1)
"""

from functools import partial

import libcst as cst

from descend.doctor.codemod.imports import import_module
from descend.doctor.codemod.locate import locate
from descend.doctor.codemod.model_class import model_classes
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.parentheses import parenthesize
from descend.doctor.codemod.syntax import Change, Syntax, dotted_name_expression, last_name
from descend.doctor.codemod.unregistered_layers import (
    LayerContainer,
    container_elements,
    container_kind,
    find_unregistered_layers,
    nested_elements,
)
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedies.arguments import NoArguments
from descend.doctor.script.script import Script

PLAIN = cst.Lambda | cst.SimpleString | cst.Integer | cst.Float  # kinds of expressions whose values are not modules


def register_layers(script: Script, record: Record, arguments: NoArguments) -> Script:
    """Wrap the lists and dicts of layers in the model's `__init__` into a `ModuleList` or a `ModuleDict`."""
    place = locate(script, record, SiteKind.MODEL)
    syntax, classes = model_classes(script, place)
    changes: dict[cst.CSTNode, Change] = {}
    for kept in (kept for owner in classes for kept in find_unregistered_layers(syntax, owner)):
        if reason := _obstacle_message(kept):
            raise NotApplicable(reason)
        kind = f"{_torch_nn_name(syntax)}.{kept.kind}"
        changes |= _wrapping_edits(kept.value, kept.origin, kind)
        for element in kept.added:
            changes |= _wrapping_edits(element, element, kind) if container_kind(element) else {}
    if not changes:
        raise NotApplicable(f"`{classes[0].name.value}` does not store layers in a plain list or dict")
    text = syntax.rewrite(changes)
    if _torch_nn_name(syntax) == "torch.nn":
        text = import_module(syntax.file, text, "torch")
    return script.edit(syntax.file, text)


def _torch_nn_name(syntax: Syntax) -> str:
    """Return the name by which the file refers to torch.nn: "nn" or "torch.nn"."""
    homes = {syntax.code(a.value) for a in syntax.every(cst.Attribute) if syntax.is_module(a.value)}
    return next((home for home in ("nn", "torch.nn") if home in homes), "torch.nn")


def _obstacle_message(kept: LayerContainer) -> str:
    """Return why the list or dict of layers cannot become a ModuleList or ModuleDict, or ""."""
    syntax, line = kept.syntax, kept.syntax.line(kept.value)
    for element in nested_elements(kept.origin, kept.added):
        is_function = isinstance(element, cst.Attribute) and syntax.is_module(element)  # F.relu
        if is_function or isinstance(element, PLAIN):
            return f"the list in line {line} holds `{syntax.code(element)}`, which is not a module"
    if container_kind(kept.origin) == "Dict" and any(isinstance(key, cst.Integer) for key in _dict_keys(kept)):
        return f"the dict in line {line} has keys that are not strings"
    started = [c for c in syntax.every(cst.Call, kept.initialiser) if last_name(c.func) == "__init__"]
    if not started or syntax.line(started[0]) > line:
        return f"line {line} stores layers before `super().__init__()` is called"
    return ""


def _dict_keys(kept: LayerContainer) -> list[cst.BaseExpression]:
    """Return the keys of a dict of layers as expressions; an empty list for a list of layers."""
    if isinstance(kept.origin, cst.Dict):
        return [element.key for element in kept.origin.elements if isinstance(element, cst.DictElement)]
    if isinstance(kept.origin, cst.DictComp):
        return [kept.origin.key]
    return []


def _wrapping_edits(value: cst.BaseExpression, origin: cst.BaseExpression, kind: str) -> dict[cst.CSTNode, Change]:
    """Return the edits that turn a list or dict of layers, and those inside it, into a ModuleList or ModuleDict."""
    changes: dict[cst.CSTNode, Change] = {value: partial(_wrapping_call, name=kind + container_kind(origin))}
    for element in container_elements(origin):
        if container_kind(element):
            changes |= _wrapping_edits(element, element, kind)
    return changes


def _wrapping_call(value: cst.CSTNode, name: str) -> cst.Call:
    """Return the call `name(value)`, such as `nn.ModuleList([...])`; an empty container gives `nn.ModuleList()`."""
    assert isinstance(value, cst.BaseExpression)
    if isinstance(value, cst.Tuple):
        value = parenthesize(value)
    is_empty = isinstance(value, cst.List | cst.Dict) and not value.elements
    return cst.Call(dotted_name_expression(name), [] if is_empty else [cst.Arg(value)])
