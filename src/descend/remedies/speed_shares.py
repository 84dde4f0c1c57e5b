"""Shares of each batch that go with the speed of the processes: then none waits for the slowest."""

from typing import Any

from descend.record import Record
from descend.script import Script
from descend.source.data_parallel import beside_model
from descend.source.imports import import_name
from descend.source.insert import insert_after
from descend.source.not_applicable import NotApplicable


def speed_shares(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert `loader = share_by_speed(loader, model, speeds)` where both are made. The dose gives the speeds."""
    made = beside_model(script, record, "loader", dose.get("loader", "0"))
    if isinstance(made, NotApplicable):
        return made
    syntax, call, loader, model = made
    text = insert_after(syntax, call, f"{loader} = share_by_speed({loader}, {model}, {tuple(dose['speeds'])})")
    if isinstance(text, str):
        text = import_name(syntax.file, text, "descend.parallel", "share_by_speed")
    return text if isinstance(text, NotApplicable) else script.edit(syntax.file, text)
