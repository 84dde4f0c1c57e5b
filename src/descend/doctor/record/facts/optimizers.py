"""What was seen of the optimizers: how each is made, when it steps, against which others, what sets their rates."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Setting = bool | int | float | str | tuple[int | float, ...] | None


@dataclass(frozen=True)
class Optimizer:
    """An optimizer as it is made: its rule, the hyper-parameters of its first group, and what it holds.

    The hyper-parameters that have a field are None where the rule has none of that name, or none of that type.
    """

    rule: str  # its class: SGD, AdamW, …
    groups: int  # of parameters, each with hyper-parameters of its own
    parameters: int  # numbers that it holds
    lr: int | float | None = None
    momentum: int | float | None = None
    dampening: int | float | None = None
    nesterov: bool | None = None
    betas: tuple[int | float, ...] | None = None
    eps: int | float | None = None
    weight_decay: int | float | None = None
    decoupled_weight_decay: bool | None = None  # it is no part of the gradient
    maximize: bool | None = None
    form: str | None = None  # which form of Momentum or NAdam, in an optimizer of `descend.optim`
    hyperparameters: dict[str, Setting] = field(default_factory=dict)  # the others, by the rule's own names for them
    unusual: dict[str, Setting] = field(default_factory=dict)  # of those that are not the rule's defaults: the defaults
    rates: tuple[int | float, ...] = ()  # of each group, where there are several
    empty_groups: int = 0
    smallest_subnormal: float = 0.0  # the least number above 0 in the precision of its parameters; 0 unknown
    after: dict[str, int] = field(default_factory=dict)  # steps that each of the others had taken when it was made
    again: bool = False  # the same statement has made one before
    by_hand: bool = False  # there is none: the script moves its parameters itself, by plain gradient descent

    @property
    def settings(self) -> dict[str, Setting]:
        """All hyper-parameters, by the rule's own names for them."""
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
_BESIDE = frozenset("groups parameters unusual rates empty_groups smallest_subnormal after again by_hand".split())


def by_field(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an `Optimizer` of what describes one as its group does: hyper-parameters among the rest."""
    others: dict[str, Any] = {}
    fields: dict[str, Any] = {"rule": described["class"], "hyperparameters": others}
    for name, given in described.items():
        value = tuple(given) if isinstance(given, list) else given
        if name in _BESIDE or _fits(value, _TYPES.get(name, ())):
            fields[name] = value
        elif _TYPES.get(name) is _TRUTH and _fits(value, _NUMBER):
            fields[name] = bool(value)
        elif name != "class":
            others[name] = value
    return fields


def _fits(value: Any, types: tuple[type, ...]) -> bool:
    return isinstance(value, types) and (types is _TRUTH or not isinstance(value, bool))


def optimizer_of(described: Mapping[str, Any]) -> Optimizer:
    """Return an optimizer of what describes it as its group does."""
    return Optimizer(**by_field(described))


@dataclass(frozen=True)
class ActingSetting:
    """A setting of an optimizer at one of its steps, where it is not the one before; the place is `0.weight_decay`."""

    value: Setting


@dataclass(frozen=True)
class FirstStep:
    """An optimizer, whose key is the place, steps for the first time."""

    after: dict[str, int]  # the steps that each of the others had taken


@dataclass(frozen=True)
class Opponents:
    """Two optimizers step in turn, each on a loss of its own that the other's steps move; one's key is the place."""

    optimizer: str  # the other's key


@dataclass(frozen=True)
class Scheduler:
    """A scheduler of torch's, told at the end of the run."""

    rule: str  # its class: StepLR, OneCycleLR, …
    steps: int  # times that the script stepped it
