"""Change the batch size: the loader's argument, or the stride of a loop that slices the data.

for i in range(0, len(X), 512):
    loss = criterion(model(X[i:i + 512]), y[i:i + 512])
"""

from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.argument_edits import NodeEdit, apply_edits, loader_setting, set_argument
from descend.doctor.codemod.arguments import literal_expression
from descend.doctor.codemod.bindings import loops_around
from descend.doctor.codemod.literals import find_literal, is_read_elsewhere
from descend.doctor.codemod.locate import Place, locate
from descend.doctor.codemod.names import value_of
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.codemod.trainer_arguments import set_trainer_argument
from descend.doctor.codemod.training_call import training_call
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script

WORDS = "batch size"


@dataclass(frozen=True)
class BatchSizeArguments:
    """Arguments of the remedy `batch_size`, which changes the number of examples in a batch."""

    batch_size: int
    loader: str = "0"  # index of the data loader in the script, as a string: "0" for the first
    optimizer: str = "0"  # index of the optimizer in the script, as a string: "0" for the first


def batch_size(script: Script, record: Record, arguments: BatchSizeArguments) -> Script:
    """Set the batch size in the data loader's call. Without a loader, set the stride of the loop that slices the data.

    A named number such as `BATCH = 512` changes at its definition.
    """
    key, size = arguments.loader, arguments.batch_size
    if record.site(SiteKind.LOADER, key) is None:
        return _set_loop_stride(script, record, size)
    try:
        place = locate(script, record, SiteKind.LOADER, key)
    except NotApplicable as refused:
        return set_trainer_argument(script, record, arguments.optimizer, ("batch_size", size), refused)
    setting = loader_setting(place, "batch_size", 1, WORDS)
    edit = set_argument(place, setting, size, script, record, [place.syntax.module])
    return apply_edits(script, place.syntax, [edit], WORDS)


def _set_loop_stride(script: Script, record: Record, size: int) -> Script:
    """Set the batch size in a loop that slices the data: change its stride and the 512 of each slice `i : i + 512`."""
    place = training_call(script, record)
    syntax, found = place.syntax, _innermost_loop_with_stride(place)
    if found is None:
        raise NotApplicable(f"no loop around line {syntax.line(place.call)} slices the data into batches")
    loop, stride = found
    number = _stride_number(script, syntax, stride)
    if number is None:
        raise NotApplicable(f"`{syntax.code(stride)}` in line {syntax.line(loop)} is not set by a number in the source")
    same = _slice_numbers(syntax, loop, stride) if number is stride else []
    if number is stride and not same:
        raise NotApplicable(
            f"the loop in line {syntax.line(loop)} does not slice the data into batches of {syntax.code(stride)}"
        )
    return apply_edits(script, syntax, [NodeEdit(old, literal_expression(size)) for old in (number, *same)], WORDS)


def _stride_number(script: Script, syntax: Syntax, stride: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return the code that sets the loop's stride: a number, or a variable such as ROWS in `BATCH = ROWS`."""
    assigned = value_of(syntax, stride)
    if isinstance(assigned, cst.Name | cst.Attribute) and is_read_elsewhere(syntax, assigned, []):
        return assigned
    return find_literal(syntax, stride, script.arguments, [syntax.module])


def _innermost_loop_with_stride(place: Place) -> tuple[cst.For, cst.BaseExpression] | None:
    """Return the innermost loop `for i in range(a, b, stride)` around the model's call, and its stride; else None."""
    for loop in reversed(loops_around(place.syntax, place.call)):
        if isinstance(loop, cst.For):
            for call in place.syntax.every(cst.Call, loop.iter):
                if last_name(call.func) in ("range", "trange") and len(call.args) >= 3:
                    return loop, call.args[2].value
    return None


def _slice_numbers(syntax: Syntax, loop: cst.For, stride: cst.BaseExpression) -> list[cst.BaseExpression]:
    """Return each 512 of a slice `i : i + 512` in the body of a loop whose variable is i and whose stride is 512."""
    variable, text = syntax.code(loop.target), syntax.code(stride)
    sums = [s for s in syntax.every(cst.BinaryOperation, loop.body) if isinstance(s.operator, cst.Add)]
    sides = [(s.left, s.right) for s in sums] + [(s.right, s.left) for s in sums]
    return [b for a, b in sides if syntax.code(a) == variable and syntax.code(b) == text]
