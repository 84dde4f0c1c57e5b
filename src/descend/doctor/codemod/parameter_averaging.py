"""Find loops that average the parameters of a network into a copy, and the decay of the average.

for mean, new in zip(copy.parameters(), net.parameters()):
    mean.mul_(0.99).add_(new, alpha=0.01)

The running means and variances of normalisation layers are buffers, not parameters. If the loop forgets them, the copy
keeps its initial buffers.
"""

from collections.abc import Iterator, Sequence

import libcst as cst

from descend.doctor.codemod.functions import enclosing_scope
from descend.doctor.codemod.literals import find_literal
from descend.doctor.codemod.syntax import Syntax, last_name

# methods that read or copy buffers
BUFFER_METHODS = frozenset({"buffers", "named_buffers", "state_dict", "load_state_dict"})
# functions of torch.optim.swa_utils that make the update of an average, given its decay
AVERAGE_MAKERS = frozenset({"get_ema_avg_fn", "get_ema_multi_avg_fn"})


def parameter_averaging_loops(syntax: Syntax) -> Iterator[cst.For]:
    """Yield loops that average one network's parameters into another, in functions that copy no buffers."""
    for loop in syntax.every(cst.For):
        handed_on = {a.attr.value for a in syntax.every(cst.Attribute, enclosing_scope(syntax, loop))} & BUFFER_METHODS
        if averaged_network_index(syntax, loop) is not None and not handed_on:
            yield loop


def find_average_decay(syntax: Syntax, arguments: Sequence[str]) -> tuple[cst.BaseExpression, float] | None:
    """Return the number in the source that is an average's decay, or 1 − decay, and its value; None if it is unclear.

    arguments: the script's command line, see `find_literal`.
    """
    loops = [loop for loop in syntax.every(cst.For) if averaged_network_index(syntax, loop) is not None]
    made = [call for call in syntax.every(cst.Call) if last_name(call.func) in AVERAGE_MAKERS and call.args]
    read: list[tuple[cst.BaseExpression, cst.CSTNode]] = [(call.args[0].value, call) for call in made]
    read += [(node, loop) for loop in loops for node in syntax.every(cst.Name, loop) + syntax.every(cst.Float, loop)]
    found: dict[int, tuple[cst.BaseExpression, float]] = {}
    for expression, within in read:
        literal = find_literal(syntax, expression, arguments, [within])
        value = float(literal.value) if isinstance(literal, cst.Float) else 0.0
        if literal is not None and 0 < value < 1:
            found[id(literal)] = literal, value
    return next(iter(found.values())) if len(found) == 1 else None


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
