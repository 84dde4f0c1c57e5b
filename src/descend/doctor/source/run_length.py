"""How many steps a training takes, as its author would write it: `epochs * len(loader)`."""

from collections.abc import Sequence
from math import ceil, prod

import libcst as cst

from descend.doctor.record import Record, facts
from descend.doctor.script.script import Script
from descend.doctor.source.bindings import Loop, loops_around, targets_of
from descend.doctor.source.brackets import OPERAND, bracketed
from descend.doctor.source.callers import way_out
from descend.doctor.source.functions import function_around, given_arguments, home_of, parameter_names
from descend.doctor.source.literals import follow
from descend.doctor.source.loop_length import counted
from descend.doctor.source.names import enclosing_class, read_names
from descend.doctor.source.series import SAME_BATCHES
from descend.doctor.source.syntax import Syntax, descendants, last_name

SHORTER = {"islice", "cycle"}  # which do not go over all of a series once
Way = tuple[tuple[cst.FunctionDef, cst.Call], ...]  # the functions on the way out of a loop, each with its only call


def run_length(script: Script, record: Record, syntax: Syntax, step: cst.CSTNode, at: cst.CSTNode) -> str | None:
    """Return the product of what the loops around `step` count to, in names that have a value at `at` already.

    None where a loop does not show it, or where the product is not the number of steps that the run has taken.
    """
    known: list[str] = []
    numbers: list[int | None] = []
    for loop, way in _loops(syntax, step, at):
        length = _length(syntax, loop)
        named = _outwards(length, way) if length is not None else None
        if length is None or named is None or not _is_known(syntax, named, at):
            return None
        number = follow(syntax, length, script.arguments, [syntax.module])
        numbers.append(number.evaluated_value if isinstance(number, cst.Integer) else None)
        known.append(syntax.code(bracketed(named, OPERAND)))
    return " * ".join(known) if known and _is_so(numbers, record) else None


def _is_so(numbers: Sequence[int | None], record: Record) -> bool:
    """Whether the steps of the run are the product of numbers, of which one that is None may be a loader's length."""
    rest, remainder = divmod(record.steps, max(1, prod(n for n in numbers if n is not None)))
    unknown = numbers.count(None)
    if remainder or not rest or not unknown:
        return not remainder and rest == 1
    loaders = [(one.examples, one.batch_size) for one in record.every(facts.Loader).values()]
    lengths = {size for n, by in loaders if n and by for size in (n // by, ceil(n / by)) if size}
    return rest in lengths if unknown == 1 and lengths else any(rest % length == 0 for length in lengths or {1})


def _loops(syntax: Syntax, step: cst.CSTNode, at: cst.CSTNode) -> list[tuple[Loop, Way]]:
    """Return the loops that a step runs in, the outermost first; not those that hold `at`, too."""
    found: list[tuple[Loop, Way]] = []
    around, nodes = list(syntax.ancestors(at)), list(way_out(syntax, step))
    for reached, caller in zip(nodes, [*nodes[1:], None]):
        found = [*((loop, ()) for loop in loops_around(syntax, reached) if loop not in around), *found]
        function, owner = function_around(syntax, reached), enclosing_class(syntax, reached)
        if function is None or function in around or not isinstance(caller, cst.Call):
            break
        if owner is not None and owner in around and owner not in syntax.ancestors(caller):
            break  # out of the object that the optimizer is made in: what is its own has another name there
        found = [(loop, (*way, (function, caller))) for loop, way in found]
    return found


def _length(syntax: Syntax, loop: Loop) -> cst.BaseExpression | None:
    """Return how often a loop runs: what it counts to, or the length of what it goes over."""
    count = counted(syntax, loop)
    if count is not None:
        return count.limit if not count.first else _less(count.limit, count.first)
    series = loop.iter if isinstance(loop, cst.For) else None
    while isinstance(series, cst.Call) and last_name(series.func) in (SAME_BATCHES - SHORTER) | {"enumerate"}:
        series = series.args[0].value if series.args else None
    is_shown = isinstance(series, cst.Name | cst.Attribute) or _is_range(series)
    return cst.Call(cst.Name("len"), [cst.Arg(series)]) if is_shown and series is not None else None


def _less(limit: cst.BaseExpression, first: int) -> cst.BaseExpression:
    if isinstance(limit, cst.Integer):
        return cst.Integer(str(limit.evaluated_value - first))
    return cst.BinaryOperation(bracketed(limit, OPERAND), cst.Subtract(), cst.Integer(str(first)))


def _is_range(series: cst.BaseExpression | None) -> bool:
    return isinstance(series, cst.Call) and last_name(series.func) == "range"


def _outwards(expression: cst.BaseExpression, way: Way) -> cst.BaseExpression | None:
    """Return an expression of the innermost function in the words of the outermost call."""
    for function, caller in way:
        given, parameters = given_arguments(function, caller), parameter_names(function)
        for name in [name for name in read_names(expression) if name.value in parameters]:
            if name.value not in given:
                return None
            expression = expression.deep_replace(name, bracketed(given[name.value]))
    return expression


def _is_known(syntax: Syntax, expression: cst.BaseExpression, at: cst.CSTNode) -> bool:
    """Whether all that an expression reads has its value at `at` already: in its function, its object, the file."""
    own = [part for part in (expression, *descendants(expression)) if isinstance(part, cst.Attribute)]
    kept = [syntax.code(part) for part in own if isinstance(part.value, cst.Name) and part.value.value == "self"]
    names = [name.value for name in read_names(expression) if name.value not in ("self", "len", "range")]
    return all(_is_bound(syntax, code, at) for code in (*kept, *names))


def _is_bound(syntax: Syntax, code: str, at: cst.CSTNode) -> bool:
    function, targets = function_around(syntax, at), targets_of(syntax, code)
    if function is not None and code in parameter_names(function):
        return True
    if code.startswith("self."):
        targets = [t for t in targets if enclosing_class(syntax, t) is enclosing_class(syntax, at)]
    own = [t for t in targets if home_of(syntax, t) is home_of(syntax, at)]
    if own:
        return any(syntax.line(target) < syntax.line(at) for target in own)
    return any(home_of(syntax, target) is syntax.module for target in targets)
