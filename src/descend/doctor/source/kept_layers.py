"""Attributes in which a module keeps layers in a plain list or dict, and what is in these."""

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from descend.doctor.source.model_class import layer_kind
from descend.doctor.source.names import assigned_value
from descend.doctor.source.syntax import Syntax, last_name

ADDING = {"append", "insert", "extend"}  # methods of a list, that bring elements with their last argument


@dataclass(frozen=True, eq=False)
class Kept:
    """`self.layers = value` in the `__init__` of a module."""

    syntax: Syntax
    initialiser: cst.FunctionDef
    target: cst.Attribute
    value: cst.BaseExpression

    @property
    def origin(self) -> cst.BaseExpression:
        """The list or dict itself, also where it had a name of its own before."""
        behind = assigned_value(self.syntax, self.value) if isinstance(self.value, cst.Name) else None
        return behind or self.value

    @property
    def names(self) -> set[str]:
        """What the list or dict is called."""
        return {self.syntax.code(self.target), *([self.value.value] if isinstance(self.value, cst.Name) else [])}

    @property
    def added(self) -> list[cst.BaseExpression]:
        """The elements that come later: `self.layers.append(x)`, `self.layers += [x]`, `self.layers["a"] = x`."""
        return list(_added(self))

    @property
    def kind(self) -> str:
        """What is in it: "Module", "Parameter", or "" for neither."""
        kinds = (layer_kind(self.syntax, e) for e in inner_elements(self.origin, self.added))
        return next((kind for kind in kinds if kind), "")


def kept_layers(syntax: Syntax, owner: cst.ClassDef) -> Iterator[Kept]:
    """Yield the lists and dicts of layers that the class's `__init__` keeps and nothing else registers."""
    unpacked = {syntax.code(argument.value) for argument in syntax.every(cst.Arg, owner) if argument.star}
    for initialiser in syntax.every(cst.FunctionDef, owner):
        if initialiser.name.value != "__init__":
            continue
        given: list[cst.Assign | cst.AnnAssign] = [*syntax.every(cst.Assign, initialiser)]
        for assign in [*given, *syntax.every(cst.AnnAssign, initialiser)]:
            target = assign.targets[0].target if isinstance(assign, cst.Assign) else assign.target
            if assign.value is None or not isinstance(target, cst.Attribute) or syntax.code(target.value) != "self":
                continue
            kept = Kept(syntax, initialiser, target, assign.value)
            if container(kept.origin) and kept.kind and not kept.names & unpacked:
                yield kept


def container(value: cst.BaseExpression) -> str:
    """Return "List" or "Dict" for an expression that makes one, or ""."""
    if isinstance(value, cst.List | cst.ListComp | cst.Tuple):
        return "List"
    if isinstance(value, cst.Dict | cst.DictComp):
        return "Dict"
    if isinstance(value, cst.BinaryOperation) and isinstance(value.operator, cst.Add | cst.Multiply):
        return "List" if "List" in (container(value.left), container(value.right)) else ""
    name = value.func.value if isinstance(value, cst.Call) and isinstance(value.func, cst.Name) else ""
    return {"list": "List", "tuple": "List", "dict": "Dict"}.get(name, "")


def elements(value: cst.BaseExpression) -> list[cst.BaseExpression]:
    """Return what the elements of a list, or the values of a dict, are made by."""
    if isinstance(value, cst.List | cst.Tuple | cst.Dict):
        return [element.value for element in value.elements]
    if isinstance(value, cst.ListComp | cst.GeneratorExp):
        return [value.elt]
    if isinstance(value, cst.DictComp):
        return [value.value]
    if isinstance(value, cst.BinaryOperation):
        return [*elements(value.left), *elements(value.right)]
    if isinstance(value, cst.Call) and container(value) == "Dict":
        return [argument.value for argument in value.args if argument.keyword is not None]
    if isinstance(value, cst.Call) and container(value):
        return [inner for argument in value.args for inner in elements(argument.value)]
    return []


def inner_elements(value: cst.BaseExpression, added: list[cst.BaseExpression]) -> Iterator[cst.BaseExpression]:
    """Yield the elements, and those of lists and dicts among them."""
    for element in [*elements(value), *added]:
        yield element
        if container(element):
            yield from inner_elements(element, [])


def _added(kept: Kept) -> Iterator[cst.BaseExpression]:
    syntax = kept.syntax
    for call in syntax.every(cst.Call, kept.initialiser):
        if isinstance(call.func, cst.Attribute) and last_name(call.func) in ADDING and call.args:
            if syntax.code(call.func.value) in kept.names:
                last = call.args[-1].value
                yield from elements(last) if last_name(call.func) == "extend" else [last]
    for more in syntax.every(cst.AugAssign, kept.initialiser):
        if syntax.code(more.target) in kept.names:
            yield from elements(more.value)
    for assign in syntax.every(cst.Assign, kept.initialiser):
        target = assign.targets[0].target
        if isinstance(target, cst.Subscript) and syntax.code(target.value) in kept.names:
            yield assign.value
