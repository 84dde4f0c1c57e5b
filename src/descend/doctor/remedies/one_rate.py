"""One learning rate for all parameter groups.

optimizer = SGD([{"params": body, "lr": 1e-6}, {"params": head, "lr": 0.05}])   # "lr": 0.05 in both
"""

from typing import Any

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.arguments import given_in_groups, written
from descend.doctor.source.literals import follow
from descend.doctor.source.locate import locate
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.setting import Edit, apply


def one_rate(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Give every parameter group that has a rate of its own the rate `dose["lr"]`."""
    place = locate(script, record, "optimizer", dose.get("optimizer", "0"))
    if isinstance(place, NotApplicable):
        return place
    syntax = place.syntax
    rates = given_in_groups(syntax, place.call, "lr")
    if not rates:
        return NotApplicable(f"line {syntax.line(place.call)} does not show the groups' learning rates")
    new = written(float(dose["lr"]))
    edits = [Edit(follow(syntax, rate, script.arguments) or rate, new) for rate in rates]
    return apply(script, syntax, edits, "learning rate")
