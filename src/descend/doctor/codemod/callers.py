"""Follow the calls outwards from a function to the training loop."""

from collections.abc import Iterator

import libcst as cst

from descend.doctor.codemod.bindings import Loop, loops_around
from descend.doctor.codemod.functions import calls_to, function_around, functions_around
from descend.doctor.codemod.syntax import Syntax, last_name

MAX_CALLERS = 3  # maximum number of calling functions that are followed outwards to the training loop


def call_chain(syntax: Syntax, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield the node, then the only call of the function around the node, then the only call of the next function."""
    for _ in range(MAX_CALLERS + 1):
        yield node
        function = function_around(syntax, node)
        caller = only_caller(syntax, function) if function is not None else None
        if caller is None:
            return
        node = caller


def only_caller(syntax: Syntax, function: cst.FunctionDef) -> cst.Call | None:
    """Return the only call of a function. If there are several, return the only one in a training loop, or None."""
    calls = calls_to(syntax, function)
    training = [call for call in calls if _is_training(syntax, call)] if len(calls) > 1 else calls
    return training[0] if len(training) == 1 else None


def _is_training(syntax: Syntax, call: cst.Call) -> bool:
    """Return whether the call is in a loop that also calls ``backward()`` or ``step()``."""
    around = loops_around(syntax, call)[-1:]
    return any(last_name(c.func) in ("backward", "step") for loop in around for c in syntax.every(cst.Call, loop))


def training_loop(syntax: Syntax, node: cst.CSTNode, made: cst.CSTNode | None) -> Loop | None:
    """Return the outermost loop in which the node runs, in its own function or in one that calls it.

    A loop that contains `made` creates a new model in each pass, so it is not the training loop.
    """
    found: Loop | None = None
    for reached in call_chain(syntax, node):
        loops = [loop for loop in loops_around(syntax, reached) if not _contains(syntax, loop, made)]
        found = loops[0] if loops else found
        if any(_contains(syntax, function, made) for function in functions_around(syntax, reached)):
            break
    return found


def _contains(syntax: Syntax, outer: cst.CSTNode, inner: cst.CSTNode | None) -> bool:
    """Return whether the node `outer` contains the node `inner`."""
    return inner is not None and any(holder is outer for holder in syntax.ancestors(inner))
