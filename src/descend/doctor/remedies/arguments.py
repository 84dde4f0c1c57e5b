"""Arguments of remedies: the classes that several remedies share, and how they are made of a prescription's values.

The arguments of a single remedy are in the file of that remedy.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from inspect import signature
from typing import Any

from descend.doctor.record import Record
from descend.doctor.script.script import Script

Remedy = Callable[[Script, Record, Any], Script]  # function that returns the edited script, or raises NotApplicable


@dataclass(frozen=True)
class NoArguments:
    """Arguments of a remedy that needs no values for its edit, such as one that removes `detach()`."""


@dataclass(frozen=True)
class OptimizerArguments:
    """Arguments of a remedy that edits one optimizer and needs no further values."""

    optimizer: str = "0"  # index of the optimizer in the script, as a string: "0" for the first


@dataclass(frozen=True)
class LearningRateArguments:
    """Arguments of a remedy that sets the learning rate."""

    lr: float
    optimizer: str = "0"  # index of the optimizer in the script, as a string: "0" for the first


@dataclass(frozen=True)
class ClippingArguments:
    """Arguments of a remedy that clips the gradient norm."""

    max_norm: float
    optimizer: str = "0"  # index of the optimizer in the script, as a string: "0" for the first


@dataclass(frozen=True)
class SchedulerArguments:
    """Arguments of a remedy that edits a learning-rate scheduler."""

    scheduler: str = "0"  # index of the scheduler in the script, as a string: "0" for the first


@dataclass(frozen=True)
class ActivationArguments:
    """Arguments of a remedy whose edit depends on the activation function of the network."""

    activation: str  # name in torch.nn.functional, such as "relu" or "log_softmax"
    optimizer: str = "0"  # index of the optimizer in the script, as a string: "0" for the first


def arguments_for(remedy: Remedy, values: Mapping[str, Any]) -> Any:
    """Return an instance of the dataclass of a remedy's arguments. It takes from `values` only those that it needs."""
    kind = signature(remedy).parameters["arguments"].annotation
    return kind(**{field.name: values[field.name] for field in fields(kind) if field.name in values})


def apply_remedy(remedy: Remedy, script: Script, record: Record, values: Mapping[str, Any]) -> Script:
    """Apply a remedy to the script and return the edited script. Raise NotApplicable if the edit cannot be made."""
    return remedy(script, record, arguments_for(remedy, values))
