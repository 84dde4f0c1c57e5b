"""Find attributes that store layers in a plain list or dict, which does not register their parameters."""

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.model_class import layer_kind
from descend.doctor.codemod.names import assigned_value
from descend.doctor.codemod.syntax import Syntax, last_name

LIST_METHODS = {"append", "insert", "extend"}  # methods that add their last argument to a list


@dataclass(frozen=True, eq=False)
class LayerContainer:
    """A plain list or dict of layers that the ``__init__`` of a module assigns to an attribute."""

    syntax: Syntax
    initialiser: cst.FunctionDef
    target: cst.Attribute
    value: cst.BaseExpression

    @property
    def origin(self) -> cst.BaseExpression:
        """The expression that creates the list or dict, also if it is first assigned to a variable."""
        assigned = assigned_value(self.syntax, self.value) if isinstance(self.value, cst.Name) else None
        return assigned or self.value

    @property
    def names(self) -> set[str]:
        """The names by which ``__init__`` refers to the list or dict."""
        return {self.syntax.code(self.target), *([self.value.value] if isinstance(self.value, cst.Name) else [])}

    @property
    def added(self) -> list[cst.BaseExpression]:
        """The elements added after the creation, as by ``self.layers.append(x)`` or ``self.layers["a"] = x``."""
        return list(_added_elements(self))

    @property
    def kind(self) -> str:
        """The type of the elements: "Module" or "Parameter"; "" for other elements."""
        kinds = (layer_kind(self.syntax, e) for e in nested_elements(self.origin, self.added))
        return next((kind for kind in kinds if kind), "")


def find_unregistered_layers(syntax: Syntax, owner: cst.ClassDef) -> Iterator[LayerContainer]:
    """Yield the plain lists and dicts of layers that a module's ``__init__`` assigns to attributes."""
    unpacked = {syntax.code(argument.value) for argument in syntax.every(cst.Arg, owner) if argument.star}
    for initialiser in syntax.every(cst.FunctionDef, owner):
        if initialiser.name.value != "__init__":
            continue
        given: list[cst.Assign | cst.AnnAssign] = [*syntax.every(cst.Assign, initialiser)]
        for assign in [*given, *syntax.every(cst.AnnAssign, initialiser)]:
            target = assign.targets[0].target if isinstance(assign, cst.Assign) else assign.target
            if assign.value is None or not isinstance(target, cst.Attribute) or syntax.code(target.value) != "self":
                continue
            kept = LayerContainer(syntax, initialiser, target, assign.value)
            if container_kind(kept.origin) and kept.kind and not kept.names & unpacked:
                yield kept


def container_kind(value: cst.BaseExpression) -> str:
    """Return "List" or "Dict" if an expression creates a list or a dict, else ""."""
    if isinstance(value, cst.List | cst.ListComp | cst.Tuple):
        return "List"
    if isinstance(value, cst.Dict | cst.DictComp):
        return "Dict"
    if isinstance(value, cst.BinaryOperation) and isinstance(value.operator, cst.Add | cst.Multiply):
        return "List" if "List" in (container_kind(value.left), container_kind(value.right)) else ""
    name = value.func.value if isinstance(value, cst.Call) and isinstance(value.func, cst.Name) else ""
    return {"list": "List", "tuple": "List", "dict": "Dict"}.get(name, "")


def container_elements(value: cst.BaseExpression) -> list[cst.BaseExpression]:
    """Return the expressions for the elements of a list, or for the values of a dict."""
    if isinstance(value, cst.List | cst.Tuple | cst.Dict):
        return [element.value for element in value.elements]
    if isinstance(value, cst.ListComp | cst.GeneratorExp):
        return [value.elt]
    if isinstance(value, cst.DictComp):
        return [value.value]
    if isinstance(value, cst.BinaryOperation):
        return [*container_elements(value.left), *container_elements(value.right)]
    if isinstance(value, cst.Call) and container_kind(value) == "Dict":
        return [argument.value for argument in value.args if argument.keyword is not None]
    if isinstance(value, cst.Call) and container_kind(value):
        return [inner for argument in value.args for inner in container_elements(argument.value)]
    return []


def nested_elements(value: cst.BaseExpression, added: list[cst.BaseExpression]) -> Iterator[cst.BaseExpression]:
    """Yield the elements of a list or dict, including the elements of lists and dicts in it."""
    for element in [*container_elements(value), *added]:
        yield element
        if container_kind(element):
            yield from nested_elements(element, [])


def _added_elements(kept: LayerContainer) -> Iterator[cst.BaseExpression]:
    """Yield the elements that ``__init__`` adds to the list or dict after creating it."""
    syntax = kept.syntax
    for call in syntax.every(cst.Call, kept.initialiser):
        if isinstance(call.func, cst.Attribute) and last_name(call.func) in LIST_METHODS and call.args:
            if syntax.code(call.func.value) in kept.names:
                last = call.args[-1].value
                yield from container_elements(last) if last_name(call.func) == "extend" else [last]
    for more in syntax.every(cst.AugAssign, kept.initialiser):
        if syntax.code(more.target) in kept.names:
            yield from container_elements(more.value)
    for assign in syntax.every(cst.Assign, kept.initialiser):
        target = assign.targets[0].target
        if isinstance(target, cst.Subscript) and syntax.code(target.value) in kept.names:
            yield assign.value
