"""Calls within what data are made of that put all of their values elsewhere: `torch.tensor(x).flip(1)`, `x[::-1]`.

Those that NumPy's manual lists under "Rearranging elements" (Array manipulation routines), by torch's names, too.
"""

from collections.abc import Iterable, Iterator

import libcst as cst

from descend.doctor.source.literals import is_number
from descend.doctor.source.syntax import Syntax, last_name

REARRANGING = frozenset({"flip", "fliplr", "flipud", "roll", "rot90"})


def rearranging(
    syntax: Syntax, statements: Iterable[cst.BaseSmallStatement]
) -> Iterator[tuple[cst.Call | cst.Subscript, str]]:
    """Yield such calls, and what is read backwards, with the name of what does it."""
    for statement in statements:
        for call in syntax.every(cst.Call, statement):
            if (name := last_name(call.func)) in REARRANGING:
                yield call, name
        for part in syntax.every(cst.Subscript, statement):
            if any(_is_backwards(element.slice) for element in part.slice):
                yield part, "[::-1]"


def _is_backwards(index: cst.BaseSlice) -> bool:
    step = index.step if isinstance(index, cst.Slice) else None
    return isinstance(step, cst.UnaryOperation) and isinstance(step.operator, cst.Minus) and is_number(step)
