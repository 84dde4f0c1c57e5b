"""What a line of the table is."""

from collections.abc import Callable
from dataclasses import dataclass

from descend.doses import Dose
from descend.record import Record
from descend.remedies import JudgedOn
from descend.symptoms import Symptom


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    symptom: str
    remedy: str
    dose: Callable[[Record, Symptom], Dose | None]  # None: not this time
    label: str  # filled in from the dose
    why: str
    source: str
    decides: bool = True
    cost: int = 2  # 1 rewrites a number, 2 adds or drops a statement, 3 changes the rule
    judged_on: JudgedOn = "fixed"
    leaves_loss: bool = False  # as it is: the training's own losses judge it where nothing else can
    adds_parameters: bool = False  # whether the network can fit more with it, noise included
    much: bool = False  # whether it must take off half: what has no name must be worth a finding by its gain alone
    restart: bool = False  # whether it is another start: on every seed it has to do better than the script as it ran
