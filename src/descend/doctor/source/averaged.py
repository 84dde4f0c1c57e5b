"""Loops in which one network follows another by its parameters alone.

for mean, new in zip(copy.parameters(), net.parameters()):
    mean.mul_(0.99).add_(new, alpha=0.01)

Running means and variances are buffers, and no parameters: the copy keeps those that it was made with.
"""

from collections.abc import Iterator

import libcst as cst

from descend.doctor.source.functions import home_of
from descend.doctor.source.syntax import Syntax, last_name

TAKEN = frozenset({"buffers", "named_buffers", "state_dict", "load_state_dict"})  # by which buffers are handed on


def loops_over_parameters(syntax: Syntax) -> Iterator[cst.For]:
    """Yield the loops that change one network's parameters by another's, in whose function no buffer is handed on."""
    for loop in syntax.every(cst.For):
        handed_on = {a.attr.value for a in syntax.every(cst.Attribute, home_of(syntax, loop))} & TAKEN
        if follower(syntax, loop) is not None and not handed_on:
            yield loop


def follower(syntax: Syntax, loop: cst.For) -> int | None:
    """Return which of the two, 0 or 1, is changed by the other one; None where the loop is another one."""
    target, called = loop.target, loop.iter
    if not (isinstance(called, cst.Call) and last_name(called.func) == "zip" and isinstance(target, cst.Tuple)):
        return None
    names = [syntax.code(element.value) for element in target.elements]
    given = [arg.value for arg in called.args]
    are_parameters = [isinstance(g, cst.Call) and last_name(g.func) == "parameters" for g in given]
    changed = {_changed(syntax, call) for call in syntax.every(cst.Call, loop.body)} & set(names)
    if len(names) != 2 or are_parameters != [True, True] or len(changed) != 1:
        return None
    return names.index(changed.pop())


def with_buffers(syntax: Syntax, loop: cst.For) -> str:
    """Return the code of a loop that hands the buffers on as they are, behind this one."""
    target, called, index = loop.target, loop.iter, follower(syntax, loop)
    assert isinstance(target, cst.Tuple) and isinstance(called, cst.Call) and index is not None
    names = [syntax.code(element.value) for element in target.elements]
    networks = [syntax.code(arg.value.func.value) for arg in called.args]  # type: ignore[attr-defined]
    head = f"for {', '.join(names)} in zip({', '.join(f'{network}.buffers()' for network in networks)}):"
    return f"{head}\n    {names[index]}.copy_({names[1 - index]})\n"


def _changed(syntax: Syntax, call: cst.Call) -> str:
    """Return what a call changes in place: `mean` of `mean.data.mul_(0.9).add_(new)`; "" where it changes nothing."""
    name = last_name(call.func)
    if not name.endswith("_") or name.endswith("__"):
        return ""
    value: cst.BaseExpression = call.func
    while isinstance(value, cst.Attribute | cst.Call):
        value = value.value if isinstance(value, cst.Attribute) else value.func
    return syntax.code(value)
