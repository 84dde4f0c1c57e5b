"""Find the expressions that a part of a value comes from, one step back: the second column of `zip(x, y)` is `y`.

A path names the part: an integer is an index in a tuple, ``ANY_ELEMENT`` is any element of a series, a string is a key.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.data_source import SAME_NUMBERS, SPLITTING_FUNCTIONS, converted_value
from descend.doctor.codemod.functions import called_functions, returned_values
from descend.doctor.codemod.names import binding, string_value
from descend.doctor.codemod.rearrangement import REARRANGING_FUNCTIONS
from descend.doctor.codemod.syntax import Syntax, last_name

ANY_ELEMENT = -1
Path = tuple[int | str, ...]
# attributes and functions of arrays that do not depend on the numbers in them
METADATA = frozenset({"device", "dtype", "len", "ndim", "numel", "range", "shape", "size", "type"})
ITERABLE_WRAPPERS = frozenset(  # functions that yield the elements of their first argument
    "DataLoader Subset cycle islice iter list random_split reversed sorted tqdm track tuple".split()
)
JOINING_FUNCTIONS = frozenset({"cat", "concatenate", "hstack", "stack", "vstack"})
# functions whose result has the same numbers as their argument
VALUE_PRESERVING = SAME_NUMBERS | REARRANGING_FUNCTIONS | {"astype", "copy", "permutation", "shuffle", "to_numpy"}
WITHOUT_PARTS = cst.SimpleString | cst.FormattedString | cst.ConcatenatedString | cst.Lambda


@dataclass(frozen=True, eq=False)
class Part:
    """A part of an expression's value, such as one element of a tuple."""

    expression: cst.BaseExpression
    path: Path = ()
    is_exact: bool = True  # whether the part has the same numbers as the value
    scope: tuple[cst.CSTNode, int] | None = None  # the call and 0, or the comprehension and the index of its element
    is_inside: bool = False  # whether the part is in the body of a function or comprehension


def parts_of_value(syntax: Syntax, whole: Part) -> Iterator[Part]:
    """Yield the expressions from which a part of a value is computed directly; names are not followed."""
    expression, path = whole.expression, whole.path
    if isinstance(expression, cst.Tuple | cst.List | cst.Set):
        yield from _display_parts([element.value for element in expression.elements], path)
    elif isinstance(expression, cst.Dict):
        yield from _dict_parts(expression, path)
    elif isinstance(expression, cst.BaseSimpleComp):
        picked = (expression, path[0]) if path and isinstance(path[0], int) else None
        yield Part(expression.elt, path[1:], scope=picked, is_inside=True)
    elif isinstance(expression, cst.DictComp):
        yield Part(expression.value, path[1:], is_inside=True)
    elif isinstance(expression, cst.IfExp):
        yield from (Part(each, path) for each in (expression.body, expression.orelse))
    elif isinstance(expression, cst.NamedExpr):
        yield Part(expression.value, path)
    elif isinstance(expression, cst.Subscript):
        yield from _subscript_parts(expression, path)
    elif isinstance(expression, cst.Call):
        yield from _call_parts(syntax, expression, path)
    elif not isinstance(expression, WITHOUT_PARTS):
        yield from _operands(expression)


def _display_parts(elements: list[cst.BaseExpression], path: Path) -> Iterator[Part]:
    """Yield the elements of a literal list, tuple or set to which the path leads."""
    if path and isinstance(path[0], int) and 0 <= path[0] < len(elements):
        yield Part(elements[path[0]], path[1:])
    else:
        yield from (Part(element, path[1:]) for element in elements)


def _dict_parts(expression: cst.Dict, path: Path) -> Iterator[Part]:
    """Yield the values of a literal dict to which the path leads."""
    for element in expression.elements:
        is_other = isinstance(element, cst.DictElement) and path and string_value(element.key) not in (None, path[0])
        if not is_other:
            yield Part(element.value, path[1:])


def _subscript_parts(expression: cst.Subscript, path: Path) -> Iterator[Part]:
    """Yield the expressions from which a subscript is computed: the indexed value, and the variables in the index."""
    indices = [element.slice for element in expression.slice]
    only = indices[0].value if len(indices) == 1 and isinstance(indices[0], cst.Index) else None
    if isinstance(only, cst.Integer):
        yield Part(expression.value, (int(only.value), *path))
    elif only is not None and (key := string_value(only)) is not None:
        yield Part(expression.value, (key, *path))
    else:
        yield Part(expression.value, path)
        for index in indices:
            yield from _operands(index)


def _call_parts(syntax: Syntax, call: cst.Call, path: Path) -> Iterator[Part]:
    """Yield the expressions from which a call's result is computed: its arguments, or what its function returns."""
    name, given = last_name(call.func), [argument.value for argument in call.args]
    receiver = call.func.value if isinstance(call.func, cst.Attribute) else None
    own = receiver if receiver is not None and not syntax.is_module(receiver) else None
    first = next(iter([*([own] if own is not None else []), *given]), None)
    place = path[1] if len(path) > 1 and isinstance(path[1], int) and path[1] != ANY_ELEMENT else None
    if name in METADATA or first is None and not called_functions(syntax, call):
        return
    if (column := _part_from_row(name, given, path, place)) is not None:
        yield from column
    elif name == "next" and first is not None:
        yield Part(first, (ANY_ELEMENT, *path))
    elif name in SPLITTING_FUNCTIONS and first is not None and len(path) > 0:
        yield Part(first, path[1:])
    elif name in JOINING_FUNCTIONS and given:
        yield Part(given[0], (ANY_ELEMENT, *path))
    elif (
        name in VALUE_PRESERVING
        and (same := converted_value(syntax, call) or _rearranged_operand(own, given)) is not None
    ):
        yield Part(same, path)
    elif found := list(_user_function_parts(syntax, call, path)):
        yield from found
    else:
        yield from (Part(each, is_exact=False) for each in ([own] if own is not None else []))
        yield from (Part(each, is_exact=False) for each in given)


def _rearranged_operand(own: cst.BaseExpression | None, given: list[cst.BaseExpression]) -> cst.BaseExpression | None:
    """Return the array that a call rearranges: ``y`` for ``y.flip(0)`` and for ``np.roll(y, 1)``."""
    is_generator = isinstance(own, cst.Name | cst.Attribute) and "rng" in last_name(own)
    return given[0] if given and (own is None or is_generator) else own


def _part_from_row(name: str, given: list[cst.BaseExpression], path: Path, place: int | None) -> list[Part] | None:
    """Return the argument of a call such as ``zip(x, y)`` that gives one element of each row; None for other calls."""
    if name in ITERABLE_WRAPPERS and given:
        return [Part(given[0], path[1:] if name == "random_split" else path)]
    if name == "enumerate" and given and place is not None:
        return [Part(given[0], (ANY_ELEMENT, *path[2:]))] if place == 1 else []
    if name == "zip" and place is not None and place < len(given):
        return [Part(given[place], (ANY_ELEMENT, *path[2:]))]
    if name == "TensorDataset" and place is not None and place < len(given):
        return [Part(given[place], path[2:])]
    if name == "train_test_split" and path and isinstance(path[0], int) and 0 <= path[0] < 2 * len(given):
        return [Part(given[path[0] // 2], path[1:])]
    if name == "map" and len(given) == 2 and path:
        return [Part(given[1], path, is_exact=last_name(given[0]) in VALUE_PRESERVING)]
    return None


def _user_function_parts(syntax: Syntax, call: cst.Call, path: Path) -> Iterator[Part]:
    """If a call runs functions that are defined in this file, yield the values that they return or yield."""
    for function in functions_run_by(syntax, call):
        inner = path[1:] if function.name.value == "__getitem__" else path
        yields = [y.value for y in syntax.every(cst.Yield, function) if isinstance(y.value, cst.BaseExpression)]
        scope = (call, 0)
        yield from (Part(value, path[1:], scope=scope, is_inside=True) for value in yields)
        yield from (Part(value, inner, scope=scope, is_inside=True) for value in returned_values(syntax, function))


def functions_run_by(syntax: Syntax, call: cst.Call) -> list[cst.FunctionDef]:
    """Return the functions of this file that compute the result of a call; for a dataset, its ``__getitem__``."""
    bound = binding(syntax, call.func) if isinstance(call.func, cst.Name) else None
    if bound is not None and isinstance(bound.node, cst.ClassDef):
        return [f for f in syntax.every(cst.FunctionDef, bound.node) if f.name.value == "__getitem__"]
    return called_functions(syntax, call)


def _operands(node: cst.CSTNode) -> Iterator[Part]:
    """Yield the outermost expressions in a node, such as both operands of ``a + b``."""
    for child in node.children:
        if isinstance(child, cst.BaseExpression):
            yield Part(child, is_exact=False)
        else:
            yield from _operands(child)
