"""The mean of the examples' losses instead of their sum, so that the step does not grow with the batch."""

from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.arguments import find_argument, keyword, with_arguments
from descend.doctor.source.locate import Place, locate
from descend.doctor.source.names import text_of
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.reported import reported_as_before
from descend.doctor.source.syntax import last_name

KINDS = ("loss_module", "loss", "reduction")  # where a sum can be written: constructor, function, `x.sum()`
SUMS = {"sum", "nansum"}


def mean_reduction(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Write `reduction="mean"` for a loss that sums, or `.mean()` for the `.sum()` that makes it. It takes no dose."""
    seen = [place for kind in KINDS if isinstance(place := locate(script, record, kind), Place)]
    for place in seen:
        call = _averaged(place)
        if isinstance(call, NotApplicable):
            return call
        if call is not None:
            edited = script.edit(place.syntax.file, place.syntax.replace(place.call, call))
            return reported_as_before(edited, record, is_mean=True)
    if not seen:
        nowhere = locate(script, record, "loss")
        return nowhere if isinstance(nowhere, NotApplicable) else NotApplicable(nowhere.inside)
    lines = " and ".join(str(line) for line in sorted({place.syntax.line(place.call) for place in seen}))
    return NotApplicable(f"no sum over the examples is written in line {lines}")


def _averaged(place: Place) -> cst.Call | None | NotApplicable:
    """Return the call with a mean for its sum; None where it has none."""
    call = place.call
    if last_name(call.func) in SUMS:
        return _mean_of(place)
    given = find_argument(call, "reduction", None)
    if given is not None and text_of(given.value) not in ("mean", "none"):
        old = given.value
        quote = old.quote if isinstance(old, cst.SimpleString) and len(old.quote) == 1 else '"'
        return call.with_deep_changes(given, value=cst.SimpleString(f"{quote}mean{quote}"))
    average = find_argument(call, "size_average", None)
    if given is None and average is not None and place.syntax.code(average.value) == "False":
        kept = [a for a in call.args if a.keyword is None or a.keyword.value != "reduce"]
        mean = keyword("reduction", cst.SimpleString('"mean"')).with_changes(comma=average.comma)
        return with_arguments(call, [mean if argument is average else argument for argument in kept])
    return None


def _mean_of(place: Place) -> cst.Call | NotApplicable:
    call, holder = place.call, place.syntax.parents[place.call]
    if isinstance(holder, cst.BinaryOperation) and isinstance(holder.operator, cst.Divide) and holder.left is call:
        return NotApplicable(f"line {place.syntax.line(call)} divides the sum already")
    name = cst.Name(last_name(call.func).replace("sum", "mean"))
    if isinstance(call.func, cst.Attribute):
        return call.with_changes(func=call.func.with_changes(attr=name))
    return NotApplicable(f"line {place.syntax.line(call)} sums by a function of another library")
