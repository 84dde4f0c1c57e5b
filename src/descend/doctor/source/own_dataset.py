"""A data set of the user's own that keeps an array as it is given it, and gives rows of it.

class Houses(Dataset):
    def __init__(self, features, prices):
        self.features, self.prices = torch.from_numpy(features), prices

    def __getitem__(self, i):
        return self.features[i], self.prices[i]

The first part of an example is the model's.
"""

from dataclasses import dataclass

import libcst as cst

from descend.doctor.source.data_source import OTHER_SHAPE, same_numbers
from descend.doctor.source.functions import given_arguments, parameter_names, returned
from descend.doctor.source.names import attribute_value, is_target
from descend.doctor.source.syntax import Syntax, descendants, last_name

MEASURES = frozenset("shape size ndim dim dtype device".split())  # attributes that tell nothing of the numbers


@dataclass(frozen=True, eq=False)
class Kept:
    """What a data set is given rows of, where its constructor reads that, and whether a row has another shape."""

    array: cst.BaseExpression
    constructor: cst.FunctionDef
    read: cst.Name
    reshaped: bool


def array_kept(syntax: Syntax, made: cst.Call) -> Kept | None:
    """Return the array whose rows the data set that is `made` gives first, if it makes nothing else of its numbers."""
    owners = [owner for owner in syntax.every(cst.ClassDef) if owner.name.value == last_name(made.func)]
    methods = {f.name.value: f for owner in owners for f in syntax.every(cst.FunctionDef, owner)}
    if len(owners) != 1 or not methods.keys() >= {"__init__", "__getitem__"}:
        return None
    given = list(returned(syntax, methods["__getitem__"], 0))
    row = _numbers_of(syntax, given[0]) if len(given) == 1 else None
    if not isinstance(row, cst.Subscript) or not isinstance(row.value, cst.Attribute):
        return None
    if not _is_one(row, parameter_names(methods["__getitem__"])[-1]) or _has_other_uses(syntax, row.value):
        return None
    value = attribute_value(syntax, row.value)
    read = _numbers_of(syntax, value) if value is not None else None
    array = given_arguments(methods["__init__"], made).get(read.value) if isinstance(read, cst.Name) else None
    if value is None or array is None or not isinstance(read, cst.Name):
        return None
    return Kept(array, methods["__init__"], read, any(map(_changes_shape, (value, given[0]))))


def only_measures(syntax: Syntax, node: cst.CSTNode) -> bool:
    """Whether what is read there is asked for its length, shape, or kind of number alone."""
    holder = syntax.parents[node]
    if isinstance(holder, cst.Attribute):
        return holder.attr.value in MEASURES
    call = syntax.parents[holder] if isinstance(holder, cst.Arg) else None
    return isinstance(call, cst.Call) and last_name(call.func) == "len"


def _is_one(row: cst.Subscript, index: str) -> bool:
    """Whether it is the row of that index, whole."""
    part = row.slice[0].slice
    return len(row.slice) == 1 and isinstance(part, cst.Index) and part.value.deep_equals(cst.Name(index))


def _has_other_uses(syntax: Syntax, kept: cst.Attribute) -> bool:
    """Whether an attribute of that name is read at any other place, of whatever object, but to be measured."""
    same = [node for node in syntax.every(cst.Attribute) if node.attr.value == kept.attr.value and node is not kept]
    return any(not is_target(syntax, node) and not only_measures(syntax, node) for node in same)


def _numbers_of(syntax: Syntax, value: cst.BaseExpression) -> cst.BaseExpression:
    """Return what a value has its numbers from: `x` of `torch.tensor(x).float()`."""
    while isinstance(value, cst.Call) and (given := same_numbers(syntax, value)) is not None:
        value = given
    return value


def _changes_shape(value: cst.BaseExpression) -> bool:
    return any(isinstance(node, cst.Call) and last_name(node.func) in OTHER_SHAPE for node in descendants(value))
