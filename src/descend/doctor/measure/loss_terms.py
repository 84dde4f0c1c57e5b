"""The terms that are added up into a loss, and the number by which each term is multiplied."""

from collections.abc import Iterator
from typing import NamedTuple

from descend.doctor.tape import Op, Recording
from descend.doctor.tape.call import NONE, SMOOTH
from descend.doctor.tape.vocabulary import ADDITIONS, NEGATIONS, PRODUCTS, QUOTIENTS, RESHAPES

SUMS = ADDITIONS | {"sum", "stack"}
PASSED = SUMS | PRODUCTS | QUOTIENTS | NEGATIONS | RESHAPES | {"mean"}


class Term(NamedTuple):
    """A term of the loss: a value that is only added to other values and multiplied by numbers."""

    slot: int
    op: Op | None  # the call that computes the term; None for data and parameters
    dependence: int  # how the term depends on the parameters
    factor: float | None  # number that multiplies the term; None if the term is summed over its elements


def terms(recording: Recording) -> Iterator[Term]:
    """Yield the loss, the terms that are added up into it, and the terms of these in turn."""
    made = {slot: op for op in recording.ops for slot in (*op.outputs, *op.written) if slot is not None}
    waiting, seen = [Term(recording.root, made.get(recording.root), SMOOTH, 1.0)], set()
    while waiting:
        term = waiting.pop()
        if term.slot in seen:
            continue
        seen.add(term.slot)
        yield term
        op = term.op
        if op is not None and op.name in PASSED:
            factor = _input_factor(term.factor, op)
            of_it = zip(op.inputs, op.dependences)
            waiting += [Term(s, made.get(s), t, factor) for s, t in of_it if t != NONE or op.name in SUMS]


def _input_factor(factor: float | None, op: Op) -> float | None:
    """Return the number that multiplies a call's inputs in the loss, if `factor` multiplies its result."""
    if factor is None or op.name in ADDITIONS | RESHAPES | {"mean"}:
        return factor
    if op.name in NEGATIONS:
        return -factor
    numbers = [x for x in op.args if isinstance(x, int | float) and not isinstance(x, bool)]
    if op.name not in PRODUCTS | QUOTIENTS or len(op.inputs) != 1 or len(numbers) != 1 or not numbers[0]:
        return None
    return factor * numbers[0] if op.name in PRODUCTS else factor / numbers[0]
