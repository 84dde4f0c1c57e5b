"""Use the mean of the examples' losses in place of their sum, so that steps do not grow with the batch."""

import libcst as cst

from descend.doctor.codemod.arguments import find_argument, keyword_argument, with_arguments
from descend.doctor.codemod.locate import Place, locate
from descend.doctor.codemod.names import string_value
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.codemod.reported_loss import keep_reported_loss
from descend.doctor.codemod.syntax import last_name
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedies.arguments import NoArguments
from descend.doctor.script.script import Script

# kinds of recorded calls that may sum the losses: loss module, loss function, `x.sum()`
KINDS = (SiteKind.LOSS_MODULE, SiteKind.LOSS, SiteKind.REDUCTION)
SUMS = {"sum", "nansum"}


def mean_reduction(script: Script, record: Record, arguments: NoArguments) -> Script:
    """Replace the sum of the examples' losses by their mean, with `reduction="mean"` or with `.mean()` for `.sum()`."""
    seen = [place for kind in KINDS if (place := if_applicable(locate, script, record, kind)) is not None]
    for place in seen:
        call = _with_mean(place)
        if call is not None:
            edited = script.edit(place.syntax.file, place.syntax.replace(place.call, call))
            return keep_reported_loss(edited, record, is_mean=True)
    if not seen:
        raise NotApplicable(locate(script, record, SiteKind.LOSS).indirect_call_message)
    lines = " and ".join(str(line) for line in sorted({place.syntax.line(place.call) for place in seen}))
    raise NotApplicable(f"no sum over the examples was found in line {lines}")


def _with_mean(place: Place) -> cst.Call | None:
    """Return the call with its sum replaced by a mean; None if the call does not sum."""
    call = place.call
    if last_name(call.func) in SUMS:
        return _mean_for_sum(place)
    given = find_argument(call, "reduction", None)
    if given is not None and string_value(given.value) not in ("mean", "none"):
        old = given.value
        quote = old.quote if isinstance(old, cst.SimpleString) and len(old.quote) == 1 else '"'
        return call.with_deep_changes(given, value=cst.SimpleString(f"{quote}mean{quote}"))
    average = find_argument(call, "size_average", None)
    if given is None and average is not None and place.syntax.code(average.value) == "False":
        kept = [a for a in call.args if a.keyword is None or a.keyword.value != "reduce"]
        mean = keyword_argument("reduction", cst.SimpleString('"mean"')).with_changes(comma=average.comma)
        return with_arguments(call, [mean if argument is average else argument for argument in kept])
    return None


def _mean_for_sum(place: Place) -> cst.Call:
    """Return the call `x.mean()` in place of the given call `x.sum()`."""
    call, holder = place.call, place.syntax.parents[place.call]
    if isinstance(holder, cst.BinaryOperation) and isinstance(holder.operator, cst.Divide) and holder.left is call:
        raise NotApplicable(f"line {place.syntax.line(call)} already divides the sum")
    name = cst.Name(last_name(call.func).replace("sum", "mean"))
    if isinstance(call.func, cst.Attribute):
        return call.with_changes(func=call.func.with_changes(attr=name))
    raise NotApplicable(f"line {place.syntax.line(call)} sums with a function that is not a tensor method")
