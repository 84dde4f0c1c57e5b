"""Another number of examples in a batch: the loader's argument, or the stride of a loop that cuts its batches.

for i in range(0, len(X), 512):
    loss = criterion(model(X[i:i + 512]), y[i:i + 512])
"""

from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.arguments import written
from descend.doctor.source.bindings import loops_around
from descend.doctor.source.literals import follow, is_read_elsewhere
from descend.doctor.source.locate import Place, locate
from descend.doctor.source.names import value_behind
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.setting import Edit, apply, loader_setting, set_argument
from descend.doctor.source.syntax import Syntax, last_name
from descend.doctor.source.trainer_arguments import trainer_argument
from descend.doctor.source.training_call import training_call

WORDS = "batch size"


def batch_size(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Put `dose["batch_size"]` examples in a batch of the loader `dose["loader"]`, or of the loop without one.

    A number that is read elsewhere, too (`BATCH = 512`), changes there as well.
    """
    key, size = dose.get("loader", "0"), dose["batch_size"]
    if record.site("loader", key) is None:
        return _in_a_loop(script, record, size)
    place = locate(script, record, "loader", key)
    if isinstance(place, NotApplicable):
        return trainer_argument(script, record, dose.get("optimizer", "0"), ("batch_size", size), place)
    setting = loader_setting(place, "batch_size", 1, WORDS)
    edit = set_argument(place, setting, size, script, record, [place.syntax.module])
    return edit if isinstance(edit, NotApplicable) else apply(script, place.syntax, [edit], WORDS)


def _in_a_loop(script: Script, record: Record, size: int) -> Script | NotApplicable:
    place = training_call(script, record)
    if isinstance(place, NotApplicable):
        return place
    syntax, found = place.syntax, _stride(place)
    if found is None:
        return NotApplicable(f"no loop around line {syntax.line(place.call)} cuts its batches out of the data")
    loop, stride = found
    number = _own_number(script, syntax, stride)
    if number is None:
        return NotApplicable(f"`{syntax.code(stride)}` in line {syntax.line(loop)} does not come from a number")
    same = _cuts(syntax, loop, stride) if number is stride else []
    if number is stride and not same:
        return NotApplicable(f"the loop in line {syntax.line(loop)} does not cut by {syntax.code(stride)}")
    return apply(script, syntax, [Edit(old, written(size)) for old in (number, *same)], WORDS)


def _own_number(script: Script, syntax: Syntax, stride: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return what is to be another number: of `BATCH = ROWS` what BATCH is given, since ROWS says something else."""
    behind = value_behind(syntax, stride)
    if isinstance(behind, cst.Name | cst.Attribute) and is_read_elsewhere(syntax, behind, []):
        return behind
    return follow(syntax, stride, script.arguments, [syntax.module])


def _stride(place: Place) -> tuple[cst.For, cst.BaseExpression] | None:
    """Return the innermost loop over `range(first, last, stride)` around the model's call, and its stride."""
    for loop in reversed(loops_around(place.syntax, place.call)):
        if isinstance(loop, cst.For):
            for call in place.syntax.every(cst.Call, loop.iter):
                if last_name(call.func) in ("range", "trange") and len(call.args) >= 3:
                    return loop, call.args[2].value
    return None


def _cuts(syntax: Syntax, loop: cst.For, stride: cst.BaseExpression) -> list[cst.BaseExpression]:
    """Return the number in each `i + 512`, where the stride is written as a number."""
    variable, text = syntax.code(loop.target), syntax.code(stride)
    sums = [s for s in syntax.every(cst.BinaryOperation, loop.body) if isinstance(s.operator, cst.Add)]
    sides = [(s.left, s.right) for s in sums] + [(s.right, s.left) for s in sums]
    return [b for a, b in sides if syntax.code(a) == variable and syntax.code(b) == text]
