"""Shares of each batch that go with the speed of the processes: then none waits for the slowest."""

from typing import Any

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.data_parallel import another_loader
from descend.doctor.source.not_applicable import NotApplicable


def speed_shares(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert `loader = share_by_speed(loader, model, speeds)` where both are made. The dose gives the speeds."""
    return another_loader(script, record, "share_by_speed", str(tuple(dose["speeds"])))
