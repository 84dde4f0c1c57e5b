"""Find calls and slices that rearrange the values of an array: `torch.tensor(x).flip(1)`, `x[::-1]`.

The functions are listed under "Rearranging elements" in NumPy's manual; their names in torch are added.
"""

from collections.abc import Iterable, Iterator

import libcst as cst

from descend.doctor.codemod.literals import is_number
from descend.doctor.codemod.names import assigned_value
from descend.doctor.codemod.syntax import Syntax, last_name

PERMUTATION_FUNCTIONS = frozenset(
    {"argsort", "permutation", "randperm"}
)  # functions that return each index exactly once
SHUFFLING_FUNCTIONS = frozenset({"permutation", "shuffle", "sort"})
REARRANGING_FUNCTIONS = frozenset({"flip", "fliplr", "flipud", "roll", "rot90"})


def find_rearrangements(
    syntax: Syntax, statements: Iterable[cst.BaseSmallStatement]
) -> Iterator[tuple[cst.Call | cst.Subscript, str]]:
    """Yield each call or slice in the statements that rearranges values, and its name, such as "flip"."""
    for statement in statements:
        for call in syntax.every(cst.Call, statement):
            if (name := last_name(call.func)) in REARRANGING_FUNCTIONS:
                yield call, name
        for part in syntax.every(cst.Subscript, statement):
            if any(_is_backwards(element.slice) for element in part.slice):
                yield part, "[::-1]"


def only_rearranges(syntax: Syntax, statement: cst.BaseSmallStatement) -> bool:
    """Return whether a statement only reorders values, as ``np.random.shuffle(y)`` and ``y = y[order]`` do."""
    if isinstance(statement, cst.Expr) and isinstance(statement.value, cst.Call):
        return last_name(statement.value.func) in SHUFFLING_FUNCTIONS
    if not isinstance(statement, cst.Assign):
        return False
    value = statement.value
    values = [element.value for element in value.elements] if isinstance(value, cst.Tuple) else [value]
    return all(_is_rearrangement(syntax, value) for value in values)


def _is_rearrangement(syntax: Syntax, value: cst.BaseExpression) -> bool:
    """Return whether an expression only reorders the values of an array."""
    if isinstance(value, cst.Call):
        return last_name(value.func) in REARRANGING_FUNCTIONS | SHUFFLING_FUNCTIONS
    if not isinstance(value, cst.Subscript) or len(value.slice) != 1:
        return False
    index = value.slice[0].slice
    chosen = index.value if isinstance(index, cst.Index) else None
    made = assigned_value(syntax, chosen) if isinstance(chosen, cst.Name) else chosen
    return _is_backwards(index) or isinstance(made, cst.Call) and last_name(made.func) in PERMUTATION_FUNCTIONS


def _is_backwards(index: cst.BaseSlice) -> bool:
    """Return whether an index is a slice with a negative step, such as ``[::-1]``."""
    step = index.step if isinstance(index, cst.Slice) else None
    return isinstance(step, cst.UnaryOperation) and isinstance(step.operator, cst.Minus) and is_number(step)
