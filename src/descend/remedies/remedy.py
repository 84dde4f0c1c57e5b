"""What a remedy is: `x(script, record, dose) -> Script | NotApplicable`, one dosed edit of the source."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from descend.record import Record
from descend.script import Script
from descend.source.not_applicable import NotApplicable

Remedy = Callable[[Script, Record, dict[str, Any]], Script | NotApplicable]


@dataclass(frozen=True)
class Prescription:
    """One remedy with its dose, prescribed for one symptom."""

    symptom: str  # id of the symptom it is for
    remedy: str  # id: learning_rate, standardise_inputs, feed_logits, ...
    label: str  # the change in a user's words: "learning rate 0.5 → 0.09"
    apply: Callable[[Script], Script | NotApplicable]
    cost: int = 1  # how invasive the change is: a literal 1, an inserted statement 2, another rule 3
    decides: bool = True  # whether its rerun settles that the symptom is the cause
    times: int = 1  # how many times the unchanged script's steps it needs: more than one is no remedy at equal budget
    spread: bool = (
        False  # whether it shows the examples in another order, and is judged on batches from all over the run
    )
