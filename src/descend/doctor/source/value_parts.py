"""What a part of an expression's value is made of, one step back: the second column of what `zip(x, y)` gives is `y`.

A path says which part: the numbers are places in a tuple, `ANY` is one of a series, a string is a key.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from descend.doctor.source.data_source import SAME_NUMBERS, same_numbers
from descend.doctor.source.functions import called_functions, returned
from descend.doctor.source.names import binding, text_of
from descend.doctor.source.rearranged import REARRANGING
from descend.doctor.source.syntax import Syntax, last_name

ANY = -1
Path = tuple[int | str, ...]
SIZES = frozenset(
    {"device", "dtype", "len", "ndim", "numel", "range", "shape", "size", "type"}
)  # of data, not the data
SERIES = frozenset(  # they give what their first argument gives
    "DataLoader Subset cycle islice iter list random_split reversed sorted tqdm track tuple".split()
)
CUTS = frozenset({"array_split", "chunk", "split", "tensor_split"})
JOINS = frozenset({"cat", "concatenate", "hstack", "stack", "vstack"})
KEPT = SAME_NUMBERS | REARRANGING | {"astype", "copy", "permutation", "shuffle", "to_numpy"}  # the numbers are the same
PLAIN = cst.SimpleString | cst.FormattedString | cst.ConcatenatedString | cst.Lambda


@dataclass(frozen=True, eq=False)
class Part:
    """A part of an expression's value."""

    expression: cst.BaseExpression
    path: Path = ()
    is_exact: bool = True  # whether the whole has its very numbers
    scope: tuple[cst.CSTNode, int] | None = None  # the call by which it is reached, or the place in a comprehension
    is_inside: bool = False  # whether it is read elsewhere: in a function's body


def parts_of(syntax: Syntax, whole: Part) -> Iterator[Part]:
    """Yield what a part of an expression's value is made of; its names are not followed."""
    expression, path = whole.expression, whole.path
    if isinstance(expression, cst.Tuple | cst.List | cst.Set):
        yield from _of_display([element.value for element in expression.elements], path)
    elif isinstance(expression, cst.Dict):
        yield from _of_dict(expression, path)
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
        yield from _of_subscript(expression, path)
    elif isinstance(expression, cst.Call):
        yield from _of_call(syntax, expression, path)
    elif not isinstance(expression, PLAIN):
        yield from _ingredients(expression)


def _of_display(elements: list[cst.BaseExpression], path: Path) -> Iterator[Part]:
    if path and isinstance(path[0], int) and 0 <= path[0] < len(elements):
        yield Part(elements[path[0]], path[1:])
    else:
        yield from (Part(element, path[1:]) for element in elements)


def _of_dict(expression: cst.Dict, path: Path) -> Iterator[Part]:
    for element in expression.elements:
        is_other = isinstance(element, cst.DictElement) and path and text_of(element.key) not in (None, path[0])
        if not is_other:
            yield Part(element.value, path[1:])


def _of_subscript(expression: cst.Subscript, path: Path) -> Iterator[Part]:
    indices = [element.slice for element in expression.slice]
    only = indices[0].value if len(indices) == 1 and isinstance(indices[0], cst.Index) else None
    if isinstance(only, cst.Integer):
        yield Part(expression.value, (int(only.value), *path))
    elif only is not None and (key := text_of(only)) is not None:
        yield Part(expression.value, (key, *path))
    else:
        yield Part(expression.value, path)
        for index in indices:  # which examples are chosen
            yield from _ingredients(index)


def _of_call(syntax: Syntax, call: cst.Call, path: Path) -> Iterator[Part]:
    name, given = last_name(call.func), [argument.value for argument in call.args]
    receiver = call.func.value if isinstance(call.func, cst.Attribute) else None
    own = receiver if receiver is not None and not syntax.is_module(receiver) else None
    first = next(iter([*([own] if own is not None else []), *given]), None)
    place = path[1] if len(path) > 1 and isinstance(path[1], int) and path[1] != ANY else None
    if name in SIZES or first is None and not called_functions(syntax, call):
        return
    if (column := _column(name, given, path, place)) is not None:
        yield from column
    elif name == "next" and first is not None:
        yield Part(first, (ANY, *path))
    elif name in CUTS and first is not None and len(path) > 0:
        yield Part(first, path[1:])
    elif name in JOINS and given:
        yield Part(given[0], (ANY, *path))
    elif name in KEPT and (same := same_numbers(syntax, call) or _moved(own, given)) is not None:
        yield Part(same, path)
    elif found := list(_of_own(syntax, call, path)):
        yield from found
    else:
        yield from (Part(each, is_exact=False) for each in ([own] if own is not None else []))
        yield from (Part(each, is_exact=False) for each in given)


def _moved(own: cst.BaseExpression | None, given: list[cst.BaseExpression]) -> cst.BaseExpression | None:
    """Return what a call rearranges: `y` of `y.flip(0)`, of `np.roll(y, 1)` and of `rng.permutation(y)`."""
    is_generator = isinstance(own, cst.Name | cst.Attribute) and "rng" in last_name(own)
    return given[0] if given and (own is None or is_generator) else own


def _column(name: str, given: list[cst.BaseExpression], path: Path, place: int | None) -> list[Part] | None:
    """Return the one argument that a part of a row comes from; None where the call puts no rows together so."""
    if name in SERIES and given:
        return [Part(given[0], path[1:] if name == "random_split" else path)]
    if name == "enumerate" and given and place is not None:
        return [Part(given[0], (ANY, *path[2:]))] if place == 1 else []
    if name == "zip" and place is not None and place < len(given):
        return [Part(given[place], (ANY, *path[2:]))]
    if name == "TensorDataset" and place is not None and place < len(given):
        return [Part(given[place], path[2:])]
    if name == "train_test_split" and path and isinstance(path[0], int) and 0 <= path[0] < 2 * len(given):
        return [Part(given[path[0] // 2], path[1:])]
    if name == "map" and len(given) == 2 and path:
        return [Part(given[1], path, is_exact=last_name(given[0]) in KEPT)]
    return None


def _of_own(syntax: Syntax, call: cst.Call, path: Path) -> Iterator[Part]:
    """Yield what the functions of this file that a call may run give back, or an example of its data set."""
    for function in functions_run(syntax, call):
        inner = path[1:] if function.name.value == "__getitem__" else path
        yields = [y.value for y in syntax.every(cst.Yield, function) if isinstance(y.value, cst.BaseExpression)]
        scope = (call, 0)
        yield from (Part(value, path[1:], scope=scope, is_inside=True) for value in yields)
        yield from (Part(value, inner, scope=scope, is_inside=True) for value in returned(syntax, function))


def functions_run(syntax: Syntax, call: cst.Call) -> list[cst.FunctionDef]:
    """Return the functions of this file that make what a call gives: of a data set's class, what gives an example."""
    bound = binding(syntax, call.func) if isinstance(call.func, cst.Name) else None
    if bound is not None and isinstance(bound.node, cst.ClassDef):
        return [f for f in syntax.every(cst.FunctionDef, bound.node) if f.name.value == "__getitem__"]
    return called_functions(syntax, call)


def _ingredients(node: cst.CSTNode) -> Iterator[Part]:
    """Yield the outermost expressions within a node, none of which it has the very numbers of."""
    for child in node.children:
        if isinstance(child, cst.BaseExpression):
            yield Part(child, is_exact=False)
        else:
            yield from _ingredients(child)
