"""Another learning rate: the number itself where the source has one, or else in the optimizer's call.

Where a statement of the loop or a scheduler overwrites the optimizer's learning rate, the numbers that theirs comes
from are scaled.
A script that updates its parameters by hand has it where it multiplies their gradients: `w -= lr * w.grad`,
`p.data.add_(p.grad, alpha=-lr)`, or `p - lr * g` of gradients that a call has returned.
"""

from typing import Any

import libcst as cst

from descend.doctor.course.acting_rate import absolute_schedule, acting_rate
from descend.doctor.course.stability import rate_of
from descend.doctor.record import Record, Site, facts
from descend.doctor.remedies.optimizer_argument import optimizer_argument
from descend.doctor.script.script import Script
from descend.doctor.source.arguments import is_rate, written
from descend.doctor.source.literals import follow
from descend.doctor.source.locate import locate
from descend.doctor.source.names import is_call_of
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.overwritten import overwriting, rescale
from descend.doctor.source.setting import Edit, Setting, apply, set_argument
from descend.doctor.source.updates import rates


def learning_rate(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Give the optimizer the learning rate `dose["lr"]`, at its largest where a schedule sets it."""
    if not is_rate(dose["lr"]):
        return NotApplicable(f"a learning rate cannot be {dose['lr']}")
    optimizer = record.fact(facts.Optimizer, dose.get("optimizer", "0"))
    if optimizer is not None and optimizer.by_hand:
        return _by_hand(script, record, dose, rate_of(optimizer))
    key, rate = dose.get("optimizer", "0"), float(dose["lr"])
    if (found := overwriting(script, record, key, "lr")) is not None:
        return rescale(script, record, found, (acting_rate(record, key), rate), key)
    if (schedule := absolute_schedule(record)) is not None:
        return _of_schedule(script, record, schedule, (acting_rate(record, key), rate))
    return optimizer_argument(script, record, {"argument": "lr", "value": rate, "optimizer": key})


def _of_schedule(script: Script, record: Record, schedule: Site, rates: tuple[float, float]) -> Script | NotApplicable:
    """Give a scheduler that overwrites the optimizer's learning rate another largest one."""
    place = locate(script, record, "scheduler", schedule.key)
    if isinstance(place, NotApplicable):
        return place
    index = {"OneCycleLR": 1, "CyclicLR": 2}[schedule.detail]
    setting = Setting("max_lr", index, "learning rate", is_call_of(place.syntax, place.call, schedule.detail))
    edit = set_argument(place, setting, rates[1], script, record)
    return edit if isinstance(edit, NotApplicable) else apply(script, place.syntax, [edit], setting.words)


def _by_hand(script: Script, record: Record, dose: dict[str, Any], old: float) -> Script | NotApplicable:
    place = locate(script, record, "backward")
    if isinstance(place, NotApplicable):
        return place
    syntax = place.syntax
    found = rates(syntax, place.call)
    if not found:
        return NotApplicable("no statement is found that multiplies a gradient by a number")
    literals = {id(n): n for rate in found if (n := follow(syntax, rate, script.arguments, [syntax.module]))}
    numbers = [n for n in literals.values() if isinstance(n, cst.Integer | cst.Float)]
    if not numbers or len(numbers) < len(literals):
        rate = syntax.code(found[0])
        return NotApplicable(f"`{rate}`, which multiplies the gradients, is not one number written in the source")
    share = float(dose["lr"]) / old  # what the source multiplies by may be the rate times something
    edits = [Edit(number, written(share * float(number.evaluated_value))) for number in numbers]
    return apply(script, syntax, edits, "learning rate")
