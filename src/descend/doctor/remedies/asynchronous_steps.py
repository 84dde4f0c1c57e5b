"""Steps of each process as it comes, on one model in shared memory: then nobody waits."""

from typing import Any

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.data_parallel import another_loader
from descend.doctor.source.not_applicable import NotApplicable


def asynchronous_steps(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert `loader = step_as_they_come(loader, model)` where both are made."""
    return another_loader(script, record, "step_as_they_come")
