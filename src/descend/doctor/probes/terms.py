"""What a loss is added up from, and the number that each term is multiplied by."""

from collections.abc import Iterator
from typing import NamedTuple

from descend.doctor.tape import Op, Recording
from descend.doctor.tape.call import NONE, SMOOTH
from descend.doctor.tape.vocabulary import ADDITIONS, NEGATIONS, PRODUCTS, QUOTIENTS, RESHAPES

SUMS = ADDITIONS | {"sum", "stack"}
PASSED = SUMS | PRODUCTS | QUOTIENTS | NEGATIONS | RESHAPES | {"mean"}


class Term(NamedTuple):
    """A value on the way to the loss that is nothing but added to others and multiplied by numbers."""

    slot: int
    op: Op | None  # that makes it; None for data and parameters
    taint: int  # how it depends on the parameters
    factor: float | None  # None where it is summed on the way


def terms(recording: Recording) -> Iterator[Term]:
    """Yield the loss, the terms that are added up to it, and their own in turn."""
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
            factor = _scaled(term.factor, op)
            of_it = zip(op.inputs, op.taints)
            waiting += [Term(s, made.get(s), t, factor) for s, t in of_it if t != NONE or op.name in SUMS]


def _scaled(factor: float | None, op: Op) -> float | None:
    if factor is None or op.name in ADDITIONS | RESHAPES | {"mean"}:
        return factor
    if op.name in NEGATIONS:
        return -factor
    numbers = [x for x in op.args if isinstance(x, int | float) and not isinstance(x, bool)]
    if op.name not in PRODUCTS | QUOTIENTS or len(op.inputs) != 1 or len(numbers) != 1 or not numbers[0]:
        return None
    return factor * numbers[0] if op.name in PRODUCTS else factor / numbers[0]
