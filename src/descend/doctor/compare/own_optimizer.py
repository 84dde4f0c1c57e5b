"""The script's own optimizer as the observed run shows it: its class, its learning rate and its other settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite

from descend.doctor.assess.effective_rate import effective_learning_rate
from descend.doctor.codemod.group_rates import scale_group_rates
from descend.doctor.codemod.not_applicable import AlreadySet, NotApplicable
from descend.doctor.compare.known_optimizers import OPTIMIZERS, KnownOptimizer
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedies.arguments import LearningRateArguments
from descend.doctor.remedies.learning_rate import learning_rate
from descend.doctor.script.script import Script

DECADES = 2.0  # width of the range of learning rates on either side of the usual one, in powers of ten
OWN_LR_FACTOR = 10.0  # The range reaches at least this factor above and below the script's own learning rate.


@dataclass(frozen=True)
class OwnOptimizer:
    """The optimizer of the script whose settings are compared."""

    key: str  # its index in the script, as a string: "0" for the first
    rule: str  # its class name; "" if it is unknown
    lr: float  # learning rate that the run really used; 0 if it is unknown
    settings: Mapping[str, float] = field(default_factory=dict)  # its other numbers, and 0 or 1 for truth values
    has_schedule: bool = False  # whether a scheduler or a statement of the loop changes its learning rate

    @property
    def label(self) -> str:
        """The name of the optimizer in a report."""
        return optimizer_label(self.rule, self.settings)

    @property
    def known(self) -> KnownOptimizer | None:
        """The entry of `OPTIMIZERS` for its class; None for another class."""
        return next((known for known in OPTIMIZERS.values() if known.class_name == self.rule), None)

    def is_variant(self, other: KnownOptimizer) -> bool:
        """Return whether another optimizer has the same class, so that it differs only in its settings."""
        return self.rule == other.class_name

    def missing_settings(self, other: KnownOptimizer) -> dict[str, float | bool]:
        """Return the settings that turn this optimizer into another one of its class, such as Nesterov momentum.

        All values of momentum above 0 count as equal. The settings are in the order in which they can be set.
        """
        if self.rule != "SGD":
            return {}
        nesterov, momentum = bool(other.settings.get("nesterov")), float(other.settings.get("momentum", 0.0))
        found: dict[str, float | bool] = {}
        if bool(self.settings.get("momentum")) != bool(momentum):
            found["momentum"] = momentum
        if bool(self.settings.get("nesterov")) != nesterov:
            found = {**found, "nesterov": True} if nesterov else {"nesterov": False, **found}
        return found


def own_optimizer(record: Record) -> OwnOptimizer:
    """Return the script's optimizer; of several optimizers, the one with the most parameters."""
    known = record.every(facts.Optimizer)
    key = max(known, key=lambda place: known[place].parameters, default="0")
    optimizer = known.get(key)
    lr = effective_learning_rate(record, key) or record.series("learning_rate", key).max
    has_schedule = bool(record.every_site(SiteKind.SCHEDULER)) or bool(record.site(SiteKind.OVERWRITTEN, f"{key}.lr"))
    return OwnOptimizer(
        key,
        optimizer.rule if optimizer is not None else "",
        lr if isfinite(lr) and lr > 0 else 0.0,
        _numbers(optimizer.settings) if optimizer is not None else {},
        has_schedule,
    )


def _numbers(settings: Mapping[str, facts.Setting]) -> dict[str, float]:
    """Return the settings that are numbers or truth values, except the learning rate; a pair becomes two settings."""
    found: dict[str, float] = {}
    for name, value in settings.items():
        parts = value if isinstance(value, tuple) else (value,)
        numbers = [float(part) for part in parts if isinstance(part, int | float)]
        if name != "lr" and len(numbers) == len(parts):
            places = [name] if len(parts) == 1 else [f"{name}[{index}]" for index in range(len(parts))]
            found |= dict(zip(places, numbers))
    return found


def optimizer_label(rule: str, settings: Mapping[str, float | bool]) -> str:
    """Return the name of an optimizer in a report, such as "SGD with momentum 0.9"."""
    if rule != "SGD" or not settings.get("momentum"):
        return rule or "the script's optimizer"
    kind = "Nesterov momentum" if settings.get("nesterov") else "momentum"
    return f"SGD with {kind} {settings['momentum']:.3g}"


def learning_rate_limits(usual: float, present: float = 0.0) -> tuple[float, float]:
    """Return the limits of the search for a learning rate: two decades on either side of the usual one.

    present: the script's own learning rate, which is at least one decade inside the limits; 0 if the optimizer is not
    the script's own one.
    """
    low, high = usual / 10**DECADES, usual * 10**DECADES
    return (min(low, present / OWN_LR_FACTOR), max(high, present * OWN_LR_FACTOR)) if present > 0 else (low, high)


def set_learning_rate(script: Script, record: Record, own: OwnOptimizer, rate: float) -> Script:
    """Return the script with a new learning rate. The learning rates of parameter groups keep their ratios to it."""
    try:
        return learning_rate(script, record, LearningRateArguments(rate, own.key))
    except AlreadySet:
        raise
    except NotApplicable:
        optimizer = record.fact(facts.Optimizer, own.key)
        if optimizer is None or optimizer.by_hand or not optimizer.rates or not own.lr:
            raise
        return scale_group_rates(script, record, own.key, rate / own.lr)
