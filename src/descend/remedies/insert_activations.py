"""Rectifiers behind the hidden layers of a network that has no nonlinearity.

They are put in by `descend.network.insert_activations`: the code of the network stays as it is.
"""

from typing import Any

from descend.record import Record
from descend.remedies.reinitialise import before_the_optimizer
from descend.script import Script
from descend.source.not_applicable import NotApplicable


def insert_activations(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert `insert_activations(model)` before the statement that makes the optimizer."""
    return before_the_optimizer(script, record, dose.get("optimizer", "0"), "insert_activations({})")
