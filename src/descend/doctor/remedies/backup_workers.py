"""Steps of the first gradients that come: then nobody waits for the slowest process of each step."""

from typing import Any

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.data_parallel import another_loader
from descend.doctor.source.not_applicable import NotApplicable


def backup_workers(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert `loader = step_of_the_first(loader, model, optimizer, wanted)` where all are made. `wanted` is dosed."""
    optimizer = ("optimizer", dose.get("optimizer", "0"))
    return another_loader(script, record, "step_of_the_first", str(int(dose["wanted"])), beside=(optimizer,))
