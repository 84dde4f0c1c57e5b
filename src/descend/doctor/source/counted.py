"""Calls that give values several dimensions by their number alone: `text.view(-1, 20)`, `x.reshape(-1, 3, 32, 32)`."""

from collections.abc import Sequence

import libcst as cst

from descend.doctor.source.brackets import bracketed

MOST = 4  # dimensions


def counted_sizes(call: cst.Call) -> Sequence[cst.BaseExpression]:
    """Return the sizes that `.view` or `.reshape` is given; none where it is another call, or does not show them."""
    if not isinstance(call.func, cst.Attribute) or call.func.attr.value not in ("view", "reshape"):
        return ()
    if any(arg.keyword is not None or arg.star for arg in call.args):
        return ()
    given = [arg.value for arg in call.args]
    if len(given) == 1 and isinstance(given[0], cst.Tuple | cst.List):
        given = [element.value for element in given[0].elements]
    return given if 1 < len(given) <= MOST else ()


def counted_otherwise(call: cst.Call) -> cst.Call:
    """Return what has the same shape, and its second dimension counted fastest: `text.view(20, -1).swapaxes(0, 1)`.

    As values lie in memory that were written stream by stream, or with the channels last. NumPy has this name, too.
    """
    assert isinstance(call.func, cst.Attribute)
    first, second, *others = counted_sizes(call)
    sizes = [first, *others, second] if others else [second, first]
    last = len(others) + 1
    axes = [(axis, last) for axis in range(1, last)] or [(0, 1)]
    made = cst.Call(cst.Attribute(bracketed(call.func.value), call.func.attr), [cst.Arg(size) for size in sizes])
    for pair in axes:
        given = [cst.Arg(cst.Integer(str(axis))) for axis in pair]
        made = cst.Call(cst.Attribute(made, cst.Name("swapaxes")), given)
    return made
