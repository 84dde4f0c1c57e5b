"""Recurrent layers started so that they keep what they have read: `descend.network.initialise_recurrent`."""

from typing import Any

from descend.record import Record
from descend.remedies.reinitialise import before_the_optimizer
from descend.script import Script
from descend.source.not_applicable import NotApplicable


def initialise_recurrent(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert `initialise_recurrent(model, length=…)` before the statement that makes the optimizer."""
    call = f"initialise_recurrent({{}}, length={dose['length']})"
    return before_the_optimizer(script, record, dose.get("optimizer", "0"), call)
