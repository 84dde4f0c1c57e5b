"""Write the number of training steps as the script's author would write it: `epochs * len(loader)`."""

from collections.abc import Sequence
from math import ceil, prod

import libcst as cst

from descend.doctor.codemod.bindings import Loop, binding_targets, loops_around
from descend.doctor.codemod.callers import call_chain
from descend.doctor.codemod.data_source import SAME_BATCHES
from descend.doctor.codemod.functions import bind_arguments, enclosing_scope, function_around, parameter_names
from descend.doctor.codemod.literals import find_literal
from descend.doctor.codemod.loop_length import loop_limit
from descend.doctor.codemod.names import enclosing_class, names_read
from descend.doctor.codemod.parentheses import OPERAND, parenthesize
from descend.doctor.codemod.syntax import Syntax, descendants, last_name
from descend.doctor.record import Record, facts
from descend.doctor.script.script import Script

SHORTENING_ITERATORS = {"islice", "cycle"}  # iterators that do not visit each element exactly once
# The functions that contain a loop or call such a function, innermost first, each with its only call.
CallPath = tuple[tuple[cst.FunctionDef, cst.Call], ...]


def step_count_expression(
    script: Script, record: Record, syntax: Syntax, step: cst.CSTNode, at: cst.CSTNode
) -> str | None:
    """Return the number of training steps as an expression, such as ``epochs * len(loader)``, or None.

    It is the product of the lengths of the loops around `step`, in variables that have a value at the node `at`. Return
    None if the source does not show the length of a loop, or if the product differs from the run's number of steps.
    """
    known: list[str] = []
    numbers: list[int | None] = []
    for loop, call_path in _loops_around_step(syntax, step, at):
        length = _loop_length(syntax, loop)
        named = _substitute_arguments(length, call_path) if length is not None else None
        if length is None or named is None or not _has_value_at(syntax, named, at):
            return None
        number = find_literal(syntax, length, script.arguments, [syntax.module])
        numbers.append(number.evaluated_value if isinstance(number, cst.Integer) else None)
        known.append(syntax.code(parenthesize(named, OPERAND)))
    return " * ".join(known) if known and _matches_recorded_steps(numbers, record) else None


def _matches_recorded_steps(numbers: Sequence[int | None], record: Record) -> bool:
    """Return whether the product of the loops' lengths is the run's number of steps. Unknown lengths are None."""
    rest, remainder = divmod(record.steps, max(1, prod(n for n in numbers if n is not None)))
    unknown = numbers.count(None)
    if remainder or not rest or not unknown:
        return not remainder and rest == 1
    loaders = [(one.examples, one.batch_size) for one in record.every(facts.Loader).values()]
    lengths = {size for n, by in loaders if n and by for size in (n // by, ceil(n / by)) if size}
    return rest in lengths if unknown == 1 and lengths else any(rest % length == 0 for length in lengths or {1})


def _loops_around_step(syntax: Syntax, step: cst.CSTNode, at: cst.CSTNode) -> list[tuple[Loop, CallPath]]:
    """Return the loops that contain the step but not the node `at`, outermost first, each with its call path."""
    found: list[tuple[Loop, CallPath]] = []
    around, nodes = list(syntax.ancestors(at)), list(call_chain(syntax, step))
    for reached, caller in zip(nodes, [*nodes[1:], None]):
        found = [*((loop, ()) for loop in loops_around(syntax, reached) if loop not in around), *found]
        function, owner = function_around(syntax, reached), enclosing_class(syntax, reached)
        if function is None or function in around or not isinstance(caller, cst.Call):
            break
        if owner is not None and owner in around and owner not in syntax.ancestors(caller):
            break  # Outside its class, an attribute such as `self.x` has another name.
        found = [(loop, (*call_path, (function, caller))) for loop, call_path in found]
    return found


def _loop_length(syntax: Syntax, loop: Loop) -> cst.BaseExpression | None:
    """Return the number of iterations of a loop as an expression: a number that it counts to, or ``len(loader)``."""
    count = loop_limit(syntax, loop)
    if count is not None:
        return count.limit if not count.first else _subtract(count.limit, count.first)
    series = loop.iter if isinstance(loop, cst.For) else None
    while isinstance(series, cst.Call) and last_name(series.func) in (SAME_BATCHES - SHORTENING_ITERATORS) | {
        "enumerate"
    }:
        series = series.args[0].value if series.args else None
    is_shown = isinstance(series, cst.Name | cst.Attribute) or _is_range(series)
    return cst.Call(cst.Name("len"), [cst.Arg(series)]) if is_shown and series is not None else None


def _subtract(limit: cst.BaseExpression, first: int) -> cst.BaseExpression:
    """Return the difference ``limit - first`` as an expression."""
    if isinstance(limit, cst.Integer):
        return cst.Integer(str(limit.evaluated_value - first))
    return cst.BinaryOperation(parenthesize(limit, OPERAND), cst.Subtract(), cst.Integer(str(first)))


def _is_range(series: cst.BaseExpression | None) -> bool:
    """Return whether an expression is a call of ``range``."""
    return isinstance(series, cst.Call) and last_name(series.func) == "range"


def _substitute_arguments(expression: cst.BaseExpression, call_path: CallPath) -> cst.BaseExpression | None:
    """Return an expression with each parameter replaced by the caller's argument; None if an argument is missing."""
    for function, caller in call_path:
        given, parameters = bind_arguments(function, caller), parameter_names(function)
        for name in [name for name in names_read(expression) if name.value in parameters]:
            if name.value not in given:
                return None
            expression = expression.deep_replace(name, parenthesize(given[name.value]))
    return expression


def _has_value_at(syntax: Syntax, expression: cst.BaseExpression, at: cst.CSTNode) -> bool:
    """Return whether every variable in an expression has a value at the node `at`."""
    own = [part for part in (expression, *descendants(expression)) if isinstance(part, cst.Attribute)]
    kept = [syntax.code(part) for part in own if isinstance(part.value, cst.Name) and part.value.value == "self"]
    names = [name.value for name in names_read(expression) if name.value not in ("self", "len", "range")]
    return all(_is_bound(syntax, code, at) for code in (*kept, *names))


def _is_bound(syntax: Syntax, code: str, at: cst.CSTNode) -> bool:
    """Return whether a variable or attribute has a value at the node `at`."""
    function, targets = function_around(syntax, at), binding_targets(syntax, code)
    if function is not None and code in parameter_names(function):
        return True
    if code.startswith("self."):
        targets = [t for t in targets if enclosing_class(syntax, t) is enclosing_class(syntax, at)]
    own = [t for t in targets if enclosing_scope(syntax, t) is enclosing_scope(syntax, at)]
    if own:
        return any(syntax.line(target) < syntax.line(at) for target in own)
    return any(enclosing_scope(syntax, target) is syntax.module for target in targets)
