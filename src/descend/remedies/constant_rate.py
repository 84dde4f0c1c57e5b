"""A learning rate that stays: the schedule's place is taken by one that does nothing."""

from typing import Any

from descend.record import Record
from descend.script import Script
from descend.source.arguments import find_argument, keyword, number
from descend.source.callee import call_instead
from descend.source.locate import Place, locate
from descend.source.names import is_call_of
from descend.source.not_applicable import NotApplicable

TOGETHER = {"SequentialLR", "ChainedScheduler"}


def constant_rate(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Replace the scheduler by `ConstantLR(optimizer, factor=1.0)`. It takes no dose."""
    place = locate(script, record, "scheduler", dose.get("scheduler", "0"))
    if isinstance(place, NotApplicable):
        return place
    if reason := _obstacle(script, record, place):
        return NotApplicable(reason)
    optimizer = find_argument(place.call, "optimizer", 0)
    if optimizer is None or optimizer.star:
        return NotApplicable(f"line {place.syntax.line(place.call)} does not show the scheduler's optimizer")
    arguments = [optimizer, keyword("factor", number(1.0))]
    text = call_instead(place.syntax, place.call, "torch.optim.lr_scheduler.ConstantLR", arguments)
    return text if isinstance(text, NotApplicable) else script.edit(place.syntax.file, text)


def _obstacle(script: Script, record: Record, place: Place) -> str:
    line, kind = place.syntax.line(place.call), place.site.detail
    joined = [site for site in record.sites if site.kind == "scheduler" and site.detail in TOGETHER]
    if joined:
        return f"line {joined[0].line} joins several schedules to one"
    if kind == "ReduceLROnPlateau":
        return f"the schedule in line {line} is stepped with a metric, which a constant one does not take"
    if not is_call_of(place.syntax, place.call, kind):
        return place.inside
    step = locate(script, record, "scheduler_step", place.site.key)
    if isinstance(step, Place) and step.call.args:
        return f"line {step.syntax.line(step.call)} gives the scheduler's step an argument"
    return ""
