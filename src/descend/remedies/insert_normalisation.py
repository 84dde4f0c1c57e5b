"""Normalisation behind the hidden layers, before the optimizer sees its parameters.

It is put in by `descend.network.insert_normalisation`: the code of the network stays as it is.
"""

from typing import Any

from descend.record import Record
from descend.remedies.reinitialise import before_the_optimizer
from descend.script import Script
from descend.source.not_applicable import NotApplicable


def insert_normalisation(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert `insert_normalisation(model, kind)`, of `dose["kind"]`, before the statement that makes the optimizer."""
    call = f'insert_normalisation({{}}, "{dose["kind"]}")'
    return before_the_optimizer(script, record, dose.get("optimizer", "0"), call)
