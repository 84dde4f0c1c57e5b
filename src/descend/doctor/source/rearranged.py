"""Calls within what data are made of that put all of their values elsewhere: `torch.tensor(x).flip(1)`, `x[::-1]`.

Those that NumPy's manual lists under "Rearranging elements" (Array manipulation routines), by torch's names, too.
"""

from collections.abc import Iterable, Iterator

import libcst as cst

from descend.doctor.source.literals import is_number
from descend.doctor.source.names import assigned_value
from descend.doctor.source.syntax import Syntax, last_name

PERMUTATIONS = frozenset({"argsort", "permutation", "randperm"})  # each index once
SHUFFLES = frozenset({"permutation", "shuffle", "sort"})
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


def only_rearranges(syntax: Syntax, statement: cst.BaseSmallStatement) -> bool:
    """Whether a statement moves values and changes none: `np.random.shuffle(y)`, `x, y = x[order], y[order]`."""
    if isinstance(statement, cst.Expr) and isinstance(statement.value, cst.Call):
        return last_name(statement.value.func) in SHUFFLES
    if not isinstance(statement, cst.Assign):
        return False
    value = statement.value
    values = [element.value for element in value.elements] if isinstance(value, cst.Tuple) else [value]
    return all(_is_rearranged(syntax, value) for value in values)


def _is_rearranged(syntax: Syntax, value: cst.BaseExpression) -> bool:
    if isinstance(value, cst.Call):
        return last_name(value.func) in REARRANGING | SHUFFLES
    if not isinstance(value, cst.Subscript) or len(value.slice) != 1:
        return False
    index = value.slice[0].slice
    chosen = index.value if isinstance(index, cst.Index) else None
    made = assigned_value(syntax, chosen) if isinstance(chosen, cst.Name) else chosen
    return _is_backwards(index) or isinstance(made, cst.Call) and last_name(made.func) in PERMUTATIONS


def _is_backwards(index: cst.BaseSlice) -> bool:
    step = index.step if isinstance(index, cst.Slice) else None
    return isinstance(step, cst.UnaryOperation) and isinstance(step.operator, cst.Minus) and is_number(step)
