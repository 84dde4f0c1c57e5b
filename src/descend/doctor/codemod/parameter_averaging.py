"""Find loops that average the parameters of a network into a copy, but forget its buffers.

for mean, new in zip(copy.parameters(), net.parameters()):
    mean.mul_(0.99).add_(new, alpha=0.01)

The running means and variances of normalisation layers are buffers, not parameters. The copy keeps its initial buffers.
"""

from collections.abc import Iterator

import libcst as cst

from descend.doctor.codemod.functions import enclosing_scope
from descend.doctor.codemod.syntax import Syntax, last_name

# methods that read or copy buffers
BUFFER_METHODS = frozenset({"buffers", "named_buffers", "state_dict", "load_state_dict"})


def parameter_averaging_loops(syntax: Syntax) -> Iterator[cst.For]:
    """Yield loops that average one network's parameters into another, in functions that copy no buffers."""
    for loop in syntax.every(cst.For):
        handed_on = {a.attr.value for a in syntax.every(cst.Attribute, enclosing_scope(syntax, loop))} & BUFFER_METHODS
        if averaged_network_index(syntax, loop) is not None and not handed_on:
            yield loop


def averaged_network_index(syntax: Syntax, loop: cst.For) -> int | None:
    """Return which of the two networks in ``zip`` a loop updates (0 or 1); None if the loop does something else."""
    target, called = loop.target, loop.iter
    if not (isinstance(called, cst.Call) and last_name(called.func) == "zip" and isinstance(target, cst.Tuple)):
        return None
    names = [syntax.code(element.value) for element in target.elements]
    given = [arg.value for arg in called.args]
    are_parameters = [isinstance(g, cst.Call) and last_name(g.func) == "parameters" for g in given]
    changed = {_changed_in_place(syntax, call) for call in syntax.every(cst.Call, loop.body)} & set(names)
    if len(names) != 2 or are_parameters != [True, True] or len(changed) != 1:
        return None
    return names.index(changed.pop())


def buffer_copy_loop(syntax: Syntax, loop: cst.For) -> str:
    """Return the source of a loop that copies the trained network's buffers to its averaged copy."""
    target, called, index = loop.target, loop.iter, averaged_network_index(syntax, loop)
    assert isinstance(target, cst.Tuple) and isinstance(called, cst.Call) and index is not None
    names = [syntax.code(element.value) for element in target.elements]
    networks = [syntax.code(arg.value.func.value) for arg in called.args]  # type: ignore[attr-defined]
    head = f"for {', '.join(names)} in zip({', '.join(f'{network}.buffers()' for network in networks)}):"
    return f"{head}\n    {names[index]}.copy_({names[1 - index]})\n"


def _changed_in_place(syntax: Syntax, call: cst.Call) -> str:
    """Return the variable that a call changes in place: ``mean`` for ``mean.mul_(0.9).add_(new)``; "" for none."""
    name = last_name(call.func)
    if not name.endswith("_") or name.endswith("__"):
        return ""
    value: cst.BaseExpression = call.func
    while isinstance(value, cst.Attribute | cst.Call):
        value = value.value if isinstance(value, cst.Attribute) else value.func
    return syntax.code(value)
