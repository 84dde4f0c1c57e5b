"""The way out of a function: the one call of it that trains, and the loop around that call."""

from collections.abc import Iterator

import libcst as cst

from descend.doctor.source.bindings import Loop, loops_around
from descend.doctor.source.functions import calls_of, function_around, functions_around
from descend.doctor.source.syntax import Syntax, last_name

CALLERS = 3  # functions between the model's call and the loop


def way_out(syntax: Syntax, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield the node, the only call of the function that holds it, the only call of the function that holds that."""
    for _ in range(CALLERS + 1):
        yield node
        function = function_around(syntax, node)
        caller = only_caller(syntax, function) if function is not None else None
        if caller is None:
            return
        node = caller


def only_caller(syntax: Syntax, function: cst.FunctionDef) -> cst.Call | None:
    """Return the only call of the function, or the only one in a loop that trains."""
    calls = calls_of(syntax, function)
    training = [call for call in calls if _is_training(syntax, call)] if len(calls) > 1 else calls
    return training[0] if len(training) == 1 else None


def _is_training(syntax: Syntax, call: cst.Call) -> bool:
    """Return whether the loop around the call also calls `backward()` or `step()`."""
    around = loops_around(syntax, call)[-1:]
    return any(last_name(c.func) in ("backward", "step") for loop in around for c in syntax.every(cst.Call, loop))


def training_loop(syntax: Syntax, node: cst.CSTNode, made: cst.CSTNode | None) -> Loop | None:
    """Return the outermost loop that the node runs in, here or in a caller.

    What is made inside a loop is trained there anew each time: a loop that holds `made` is not training's.
    """
    found: Loop | None = None
    for reached in way_out(syntax, node):
        loops = [loop for loop in loops_around(syntax, reached) if not _holds(syntax, loop, made)]
        found = loops[0] if loops else found
        if any(_holds(syntax, function, made) for function in functions_around(syntax, reached)):
            break
    return found


def _holds(syntax: Syntax, outer: cst.CSTNode, inner: cst.CSTNode | None) -> bool:
    return inner is not None and any(holder is outer for holder in syntax.ancestors(inner))
