"""What each remedy sets, and how it is read from a run's record: a trial in which it is unchanged proves nothing.

A remedy that is missing here sets nothing that can be read by itself: its run is compared with the baseline's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isclose
from typing import Any

from descend.doctor.record import Record, facts

ROUNDED = 1e-6  # relative: a loop computes its largest learning rate
Dose = Mapping[str, Any]
Reader = Callable[[Record, Dose, int], Any]  # of so many steps; None where the run does not show it


@dataclass(frozen=True)
class Quantity:
    """One quantity that an edit sets."""

    read: Reader
    setting: str = ""  # its name in the source; "" of an optimizer's argument, which the dose names
    owner: str | None = None  # whose setting it is in the record's sites; None for the dose's optimizer
    is_number: bool = True  # whether the edit writes another number for it

    def name(self, dose: Dose) -> str:
        """Return the setting's name in the source."""
        return self.setting or str(dose.get("argument", ""))

    def place(self, dose: Dose) -> str:
        """Return the key of the sites at which it is overwritten."""
        return f"{_optimizer(dose) if self.owner is None else self.owner}.{self.name(dose)}"


def _optimizer(dose: Dose) -> str:
    return str(dose.get("optimizer", "0"))


def _rates(record: Record, dose: Dose, steps: int) -> Any:
    """Return the learning rates of the first parameter group that act, and those that the other groups are made with.

    None of those where they are overwritten.
    """
    key = _optimizer(dose)
    optimizer, acting = record.fact(facts.Optimizer, key), tuple(record.series("learning_rate", key).until(steps))
    is_kept = optimizer is not None and record.site("overwritten", f"{key}.lr") is None
    return (acting, optimizer.rates if optimizer is not None and is_kept else ()) if acting else None


def _rates_of_rule(record: Record, dose: Dose, steps: int) -> Any:
    """Return the learning rates where they are not the one that came with another rule: that may be the old one."""
    rates = _rates(record, dose, steps)
    largest = record.series("learning_rate", _optimizer(dose)).max
    return None if isclose(largest, float(dose.get("lr", largest)), rel_tol=ROUNDED) else rates


def _rule(record: Record, dose: Dose, steps: int) -> Any:
    optimizer = record.fact(facts.Optimizer, _optimizer(dose))
    return optimizer.rule if optimizer is not None else None


def _argument(record: Record, dose: Dose, steps: int) -> Any:
    """Return an optimizer's argument as it acts at the last step at which it was seen to change."""
    key, name = _optimizer(dose), str(dose.get("argument", ""))
    if name == "lr":
        return _rates(record, dose, steps)
    acting, made = record.fact(facts.ActingSetting, f"{key}.{name}"), record.fact(facts.Optimizer, key)
    value = acting.value if acting is not None else made.settings.get(name) if made is not None else None
    return tuple(value) if isinstance(value, list) else value


def _batch_size(record: Record, dose: Dose, steps: int) -> Any:
    monitor = record.fact(facts.Monitor)
    return monitor.examples / monitor.batches if monitor is not None and monitor.batches else None


def _threshold(record: Record, dose: Dose, steps: int) -> Any:
    clip = record.fact(facts.Clip)
    return tuple(record.series("clip_limit").until(steps)) or (clip.limit if clip is not None else None)


def _dropout(record: Record, dose: Dose, steps: int) -> Any:
    return tuple(sorted((place, layer.p) for place, layer in record.every(facts.Dropout).items())) or None


def _length(record: Record, dose: Dose, steps: int) -> Any:
    return record.steps if record.ending is not None else None


LEARNING_RATE = Quantity(_rates, "lr")
SCHEDULE = Quantity(_rates, "lr", is_number=False)
THRESHOLD = Quantity(_threshold, "max_norm", "clip")
QUANTITIES: Mapping[str, tuple[Quantity, ...]] = {  # remedy -> what it sets
    "adaptive_rule": (Quantity(_rule, "optimizer", is_number=False), Quantity(_rates_of_rule, "lr")),
    "batch_size": (Quantity(_batch_size, "batch_size", "loader"),),
    "clip_gradients": (THRESHOLD,),
    "clip_threshold": (THRESHOLD,),
    "constant_rate": (SCHEDULE,),
    "dropout_rate": (Quantity(_dropout, "p", "dropout"),),
    "learning_rate": (LEARNING_RATE,),
    "linear_schedule": (SCHEDULE,),
    "optimizer_argument": (Quantity(_argument),),
    "training_length": (Quantity(_length, "steps", "loop"),),
}
