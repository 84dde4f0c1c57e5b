"""Another learning rate: the number itself where the source has one, or else in the optimizer's call."""

from typing import Any

from descend.record import Record
from descend.remedies.optimizer_argument import optimizer_argument
from descend.script import Script
from descend.source.arguments import is_rate
from descend.source.not_applicable import NotApplicable


def learning_rate(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Give the optimizer the rate `dose["lr"]`.

    A rate that the script sets later by itself (`OneCycleLR`, `group["lr"] = …`) is not found here; the trial
    shows then that the edit has no effect.
    """
    if not is_rate(dose["lr"]):
        return NotApplicable(f"a learning rate cannot be {dose['lr']}")
    chosen = {"argument": "lr", "value": float(dose["lr"]), "optimizer": dose.get("optimizer", "0")}
    return optimizer_argument(script, record, chosen)
