"""Facts about optimizers and schedulers: settings, steps, and their changes during the run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DECOUPLED = frozenset(  # optimizers whose weight decay does not pass through the gradient
    ("AdamW", "Adafactor", "LAMB", "Lion", "Muon", "SOAP", "ScheduleFreeAdamW", "SophiaG")
)

Setting = bool | int | float | str | tuple[int | float, ...] | None


@dataclass(frozen=True)
class Optimizer:
    """The class, size and first parameter group's hyper-parameters of an optimizer when it is constructed.

    The hyper-parameters that have a field are None where the class has none of that name or type.
    """

    rule: str  # class name of the optimizer: SGD, AdamW, …
    groups: int  # number of parameter groups
    parameters: int  # total number of elements of all parameters
    lr: int | float | None = None
    momentum: int | float | None = None
    dampening: int | float | None = None
    nesterov: bool | None = None
    betas: tuple[int | float, ...] | None = None
    eps: int | float | None = None
    weight_decay: int | float | None = None
    decoupled_weight_decay: bool | None = None
    maximize: bool | None = None
    form: str | None = None  # variant of the optimizer, for `Momentum` and `NAdam` of `descend.optim`
    # hyper-parameters for which this dataclass has no field, by their names in the optimizer
    hyperparameters: dict[str, Setting] = field(default_factory=dict)
    # default values of those hyper-parameters to which the script gives a different value
    unusual: dict[str, Setting] = field(default_factory=dict)
    rates: tuple[int | float, ...] = ()  # learning rate of each group; empty if there is only one group
    empty_groups: int = 0
    smallest_subnormal: float = 0.0  # smallest positive number of the parameters' dtype; 0 if unknown
    # number of steps of each other optimizer before this one was constructed
    after: dict[str, int] = field(default_factory=dict)
    again: bool = False  # whether the same statement of the script has constructed an optimizer before
    # whether the script updates its parameters by gradient descent without an optimizer object
    by_hand: bool = False

    @property
    def has_decoupled_decay(self) -> bool:
        """Whether weight decay shrinks the weights directly, as in AdamW, instead of through the gradient."""
        return self.rule in DECOUPLED or bool(self.decoupled_weight_decay)

    @property
    def settings(self) -> dict[str, Setting]:
        """All hyper-parameters of the optimizer, by the names that its class uses."""
        named = {name: getattr(self, name) for name in _TYPES}
        return {name: value for name, value in named.items() if value is not None} | self.hyperparameters


_NUMBER, _TRUTH = (int, float), (bool,)
_TYPES: dict[str, tuple[type, ...]] = {
    "lr": _NUMBER,
    "momentum": _NUMBER,
    "dampening": _NUMBER,
    "nesterov": _TRUTH,
    "betas": (tuple,),
    "eps": _NUMBER,
    "weight_decay": _NUMBER,
    "decoupled_weight_decay": _TRUTH,
    "maximize": _TRUTH,
    "form": (str,),
}
_NOT_HYPERPARAMETERS = frozenset(
    "groups parameters unusual rates empty_groups smallest_subnormal after again by_hand".split()
)


def _to_optimizer_fields(described: Mapping[str, Any]) -> dict[str, Any]:
    """Sort a dictionary of an optimizer's class, hyper-parameters and other properties into fields of `Optimizer`."""
    others: dict[str, Any] = {}
    fields: dict[str, Any] = {"rule": described["class"], "hyperparameters": others}
    for name, given in described.items():
        value = tuple(given) if isinstance(given, list) else given
        if name in _NOT_HYPERPARAMETERS or _has_type(value, _TYPES.get(name, ())):
            fields[name] = value
        elif _TYPES.get(name) is _TRUTH and _has_type(value, _NUMBER):
            fields[name] = bool(value)
        elif name != "class":
            others[name] = value
    return fields


def _has_type(value: Any, types: tuple[type, ...]) -> bool:
    """Return whether a value is of one of the types. A bool does not count as a number."""
    return isinstance(value, types) and (types is _TRUTH or not isinstance(value, bool))


def optimizer_of(described: Mapping[str, Any]) -> Optimizer:
    """Build an `Optimizer` from a dictionary of an optimizer's class, hyper-parameters and other properties."""
    return Optimizer(**_to_optimizer_fields(described))


@dataclass(frozen=True)
class ActingSetting:
    """The new value of an optimizer's hyper-parameter that changed since the previous step.

    The fact's place is the name of the setting, such as `0.weight_decay`.
    """

    value: Setting


@dataclass(frozen=True)
class FirstStep:
    """The number of steps that other optimizers had taken before the first step of an optimizer.

    The fact's place is the optimizer's number.
    """

    after: dict[str, int]  # number of steps of each other optimizer before this step


@dataclass(frozen=True)
class Opponents:
    """Two optimizers that take turns and change each other's loss, as in a GAN.

    The fact's place is the number of the first optimizer.
    """

    optimizer: str  # number of the second optimizer in order of construction, as text


@dataclass(frozen=True)
class Scheduler:
    """The class of a learning-rate scheduler, and the number of its steps in the whole run."""

    rule: str  # class name of the scheduler: StepLR, OneCycleLR, …
    steps: int  # number of calls of the scheduler's `step`
