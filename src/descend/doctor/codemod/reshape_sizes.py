"""Read the sizes of `view` and `reshape` calls such as `text.view(-1, 20)`, and swap their dimensions."""

from collections.abc import Sequence

import libcst as cst

from descend.doctor.codemod.parentheses import parenthesize

MAX_DIMENSIONS = 4


def explicit_sizes(call: cst.Call) -> Sequence[cst.BaseExpression]:
    """Return the sizes that a call of ``view`` or ``reshape`` lists, such as -1 and 20; () for other calls."""
    if not isinstance(call.func, cst.Attribute) or call.func.attr.value not in ("view", "reshape"):
        return ()
    if any(arg.keyword is not None or arg.star for arg in call.args):
        return ()
    given = [arg.value for arg in call.args]
    if len(given) == 1 and isinstance(given[0], cst.Tuple | cst.List):
        given = [element.value for element in given[0].elements]
    return given if 1 < len(given) <= MAX_DIMENSIONS else ()


def reshape_then_swap_axes(call: cst.Call) -> cst.Call:
    """Return a reshape to the same shape that reads the values in another order of the dimensions.

    ``text.view(20, -1).swapaxes(0, 1)`` is right for values stored stream by stream, or with the channels last.
    NumPy also has ``swapaxes``.
    """
    assert isinstance(call.func, cst.Attribute)
    first, second, *others = explicit_sizes(call)
    sizes = [first, *others, second] if others else [second, first]
    last = len(others) + 1
    axes = [(axis, last) for axis in range(1, last)] or [(0, 1)]
    made = cst.Call(cst.Attribute(parenthesize(call.func.value), call.func.attr), [cst.Arg(size) for size in sizes])
    for pair in axes:
        given = [cst.Arg(cst.Integer(str(axis))) for axis in pair]
        made = cst.Call(cst.Attribute(made, cst.Name("swapaxes")), given)
    return made
