"""Another learning rate: the number itself where the source has one, or else in the optimizer's call.

A script that updates its parameters by hand has it where it multiplies their gradients: `w -= lr * w.grad`,
`p.data.add_(p.grad, alpha=-lr)`, or `p - lr * g` of gradients that a call has returned.
"""

from typing import Any

import libcst as cst

from descend.doctor.course.stability import rate_of
from descend.doctor.record import Record, facts
from descend.doctor.remedies.optimizer_argument import optimizer_argument
from descend.doctor.script.script import Script
from descend.doctor.source.arguments import is_rate, written
from descend.doctor.source.literals import follow
from descend.doctor.source.locate import locate
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.setting import Edit, apply
from descend.doctor.source.updates import rates


def learning_rate(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Give the optimizer the rate `dose["lr"]`.

    A rate that the script sets later by itself (`OneCycleLR`, `group["lr"] = …`) is not found here; the trial
    shows then that the edit has no effect.
    """
    if not is_rate(dose["lr"]):
        return NotApplicable(f"a learning rate cannot be {dose['lr']}")
    optimizer = record.fact(facts.Optimizer, dose.get("optimizer", "0"))
    if optimizer is not None and optimizer.by_hand:
        return _by_hand(script, record, dose, rate_of(optimizer))
    chosen = {"argument": "lr", "value": float(dose["lr"]), "optimizer": dose.get("optimizer", "0")}
    return optimizer_argument(script, record, chosen)


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
