"""Find the array whose rows a dataset class of the user returns.

class Houses(Dataset):
    def __init__(self, features, prices):
        self.features, self.prices = torch.from_numpy(features), prices

    def __getitem__(self, i):
        return self.features[i], self.prices[i]

The first element of an example is the model's input.
"""

from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.data_source import OTHER_SHAPE, converted_value
from descend.doctor.codemod.functions import bind_arguments, parameter_names, returned_values
from descend.doctor.codemod.names import attribute_value, is_target
from descend.doctor.codemod.syntax import Syntax, descendants, last_name

# attributes that do not depend on a tensor's values
METADATA_ATTRIBUTES = frozenset("shape size ndim dim dtype device".split())


@dataclass(frozen=True, eq=False)
class StoredArray:
    """The array passed to a dataset, the node at which the constructor reads it, and whether rows are reshaped."""

    array: cst.BaseExpression
    constructor: cst.FunctionDef
    read: cst.Name
    reshaped: bool


def stored_array(syntax: Syntax, made: cst.Call) -> StoredArray | None:
    """Return the array whose rows are the inputs in a user's dataset, if the class at most converts it; else None."""
    owners = [owner for owner in syntax.every(cst.ClassDef) if owner.name.value == last_name(made.func)]
    methods = {f.name.value: f for owner in owners for f in syntax.every(cst.FunctionDef, owner)}
    if len(owners) != 1 or not methods.keys() >= {"__init__", "__getitem__"}:
        return None
    given = list(returned_values(syntax, methods["__getitem__"], 0))
    row = _without_conversions(syntax, given[0]) if len(given) == 1 else None
    if not isinstance(row, cst.Subscript) or not isinstance(row.value, cst.Attribute):
        return None
    if not _is_indexed_by(row, parameter_names(methods["__getitem__"])[-1]) or _has_other_uses(syntax, row.value):
        return None
    value = attribute_value(syntax, row.value)
    read = _without_conversions(syntax, value) if value is not None else None
    array = bind_arguments(methods["__init__"], made).get(read.value) if isinstance(read, cst.Name) else None
    if value is None or array is None or not isinstance(read, cst.Name):
        return None
    return StoredArray(array, methods["__init__"], read, any(map(_changes_shape, (value, given[0]))))


def only_reads_metadata(syntax: Syntax, node: cst.CSTNode) -> bool:
    """Return whether code reads only the length, shape, device or dtype of the array at the node."""
    holder = syntax.parents[node]
    if isinstance(holder, cst.Attribute):
        return holder.attr.value in METADATA_ATTRIBUTES
    call = syntax.parents[holder] if isinstance(holder, cst.Arg) else None
    return isinstance(call, cst.Call) and last_name(call.func) == "len"


def _is_indexed_by(row: cst.Subscript, index: str) -> bool:
    """Return whether a subscript selects a whole row by the variable `index`, as ``X[index]`` does."""
    part = row.slice[0].slice
    return len(row.slice) == 1 and isinstance(part, cst.Index) and part.value.deep_equals(cst.Name(index))


def _has_other_uses(syntax: Syntax, kept: cst.Attribute) -> bool:
    """Return whether other code reads more than the metadata of an attribute with this name."""
    same = [node for node in syntax.every(cst.Attribute) if node.attr.value == kept.attr.value and node is not kept]
    return any(not is_target(syntax, node) and not only_reads_metadata(syntax, node) for node in same)


def _without_conversions(syntax: Syntax, value: cst.BaseExpression) -> cst.BaseExpression:
    """Return the value without calls that only convert it: ``x`` for ``torch.tensor(x).float()``."""
    while isinstance(value, cst.Call) and (given := converted_value(syntax, value)) is not None:
        value = given
    return value


def _changes_shape(value: cst.BaseExpression) -> bool:
    """Return whether an expression contains a call that changes the shape of a tensor."""
    return any(isinstance(node, cst.Call) and last_name(node.func) in OTHER_SHAPE for node in descendants(value))
