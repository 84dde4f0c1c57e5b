"""Read from a record the value that each remedy sets; a trial in which the value is unchanged proves nothing.

For a remedy that is not listed here, the whole run is compared with the baseline.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isclose
from typing import Any

from descend.doctor.record import Record, SiteKind, facts

ROUNDED = 1e-6  # relative tolerance for comparing learning rates, which a script may round
Values = Mapping[str, Any]  # name of a remedy's argument -> its value
# (record, values, number of steps) -> value of the setting in these steps; None if unknown
Reader = Callable[[Record, Values, int], Any]


@dataclass(frozen=True)
class Quantity:
    """One setting of a script that a remedy changes, and the function that reads its value from the record of a run."""

    read: Reader
    setting: str = ""  # name of the setting in the source; "" if the remedy's arguments name it
    owner: str | None = None  # object that the setting belongs to, such as "loader"; None for an optimizer
    is_number: bool = True  # whether the setting is a number, and not a class or a schedule

    def name(self, values: Values) -> str:
        """Return the name of the setting in the source, such as "lr"."""
        return self.setting or str(values.get("argument", ""))

    def place(self, values: Values) -> str:
        """Return the key, such as "0.lr", under which a run records the lines that overwrite the setting."""
        return f"{_optimizer_key(values) if self.owner is None else self.owner}.{self.name(values)}"


def _optimizer_key(values: Values) -> str:
    """Return the index of the optimizer that a remedy edits, as a string: "0" for the first one in the script."""
    return str(values.get("optimizer", "0"))


def _learning_rates(record: Record, values: Values, steps: int) -> Any:
    """Return the learning rate of the first parameter group in each step, and the initial ones of all groups.

    The initial ones are left out if the script overwrites them.
    """
    key = _optimizer_key(values)
    optimizer, acting = record.fact(facts.Optimizer, key), tuple(record.series("learning_rate", key).until(steps))
    is_kept = optimizer is not None and record.site(SiteKind.OVERWRITTEN, f"{key}.lr") is None
    return (acting, optimizer.rates if optimizer is not None and is_kept else ()) if acting else None


def _learning_rates_unless_new(record: Record, values: Values, steps: int) -> Any:
    """Return the learning rates in a run; None if the largest of them equals the remedy's new learning rate."""
    rates = _learning_rates(record, values, steps)
    largest = record.series("learning_rate", _optimizer_key(values)).max
    return None if isclose(largest, float(values.get("lr", largest)), rel_tol=ROUNDED) else rates


def _optimizer_class_name(record: Record, values: Values, steps: int) -> Any:
    """Return the optimizer's class name in a run, such as "SGD"; None if it is unknown."""
    optimizer = record.fact(facts.Optimizer, _optimizer_key(values))
    return optimizer.rule if optimizer is not None else None


def _optimizer_argument(record: Record, values: Values, steps: int) -> Any:
    """Return the optimizer's value, after its last recorded change, for the argument that the remedy sets."""
    key, name = _optimizer_key(values), str(values.get("argument", ""))
    if name == "lr":
        return _learning_rates(record, values, steps)
    acting, made = record.fact(facts.ActingSetting, f"{key}.{name}"), record.fact(facts.Optimizer, key)
    value = acting.value if acting is not None else made.settings.get(name) if made is not None else None
    return tuple(value) if isinstance(value, list) else value


def _batch_size(record: Record, values: Values, steps: int) -> Any:
    """Return the mean batch size of a run; None if the run did not record it."""
    monitor = record.fact(facts.Monitor)
    return monitor.examples / monitor.batches if monitor is not None and monitor.batches else None


def _clipping_thresholds(record: Record, values: Values, steps: int) -> Any:
    """Return the successive thresholds of gradient clipping within `steps` steps; None if the run does not clip.

    If no threshold was recorded within these steps, return that of the first clipping call.
    """
    clip = record.fact(facts.Clip)
    return tuple(record.series("clip_limit").until(steps)) or (clip.limit if clip is not None else None)


def _dropout_probabilities(record: Record, values: Values, steps: int) -> Any:
    """Return pairs of a dropout layer's name and its probability, sorted by name; None without dropout layers."""
    return tuple(sorted((place, layer.p) for place, layer in record.every(facts.Dropout).items())) or None


def _step_count(record: Record, values: Values, steps: int) -> Any:
    """Return the number of steps of the run, or None if the run has not ended."""
    return record.steps if record.ending is not None else None


LEARNING_RATE = Quantity(_learning_rates, "lr")
SCHEDULE = Quantity(_learning_rates, "lr", is_number=False)
THRESHOLD = Quantity(_clipping_thresholds, "max_norm", "clip")
QUANTITIES: Mapping[str, tuple[Quantity, ...]] = {  # remedy -> the settings that it changes
    "adaptive_rule": (
        Quantity(_optimizer_class_name, "optimizer", is_number=False),
        Quantity(_learning_rates_unless_new, "lr"),
    ),
    "batch_size": (Quantity(_batch_size, "batch_size", "loader"),),
    "clip_gradients": (THRESHOLD,),
    "clip_threshold": (THRESHOLD,),
    "constant_rate": (SCHEDULE,),
    "dropout_rate": (Quantity(_dropout_probabilities, "p", "dropout"),),
    "learning_rate": (LEARNING_RATE,),
    "linear_schedule": (SCHEDULE,),
    "optimizer_argument": (Quantity(_optimizer_argument),),
    "training_length": (Quantity(_step_count, "steps", "loop"),),
}
