"""New settings of the optimizer other than the learning rate: momentum, weight decay and others."""

from collections.abc import Callable
from typing import Any

from descend.core.bound import Bound
from descend.doctor.assess.stability import eps_rounded_to_zero, momentum_of
from descend.doctor.assess.symptom import Symptom
from descend.doctor.record import Record, facts
from descend.doctor.remedy_arguments.learning_rates import MOMENTUM
from descend.doctor.remedy_arguments.values import Values

HALF_EPS = Bound(1e-4, "eps", "eps must exceed the smallest normal number of half precision, 6e-5")
COUPLED_DECAY = Bound(1e-4, "coupled weight decay", "chosen: a mild decay, below the 5e-4 of Krizhevsky et al. 2012")
STRONG = Bound(
    10.0,
    "multiple of a mild weight decay",
    "chosen: a mild decay changes a network that memorises its examples too little",
)
DECOUPLED_DECAY = Bound(1e-2, "decoupled weight decay", "the default weight decay of torch.optim.AdamW")


def usual_momentum(record: Record, symptom: Symptom) -> Values | None:
    """Return the usual momentum of 0.9 if the optimizer is SGD without momentum; else None."""
    optimizer = record.fact(facts.Optimizer, symptom.optimizer)
    if optimizer is None or optimizer.rule != "SGD" or optimizer.momentum:
        return None
    return {"argument": "momentum", "value": MOMENTUM, "default": 0.0, "optimizer": symptom.optimizer}


def minimise_setting(record: Record, symptom: Symptom) -> Values | None:
    """Return the setting `maximize=False` if the optimizer maximises the loss; else None."""
    optimizer = record.fact(facts.Optimizer, symptom.optimizer)
    if optimizer is None or not optimizer.maximize:
        return None
    return {"argument": "maximize", "value": False, "default": False, "optimizer": symptom.optimizer}


def default_setting(number: int) -> Callable[[Record, Symptom], Values | None]:
    """Return a function that resets one optimizer setting with an unusual value to its default in torch.

    number: index of the setting among the unusual ones.
    """

    def choose_setting(record: Record, symptom: Symptom) -> Values | None:
        """Return the name, default and present value of an unusual optimizer setting; None if there are no more."""
        optimizer = record.fact(facts.Optimizer, symptom.optimizer)
        names = list(optimizer.unusual)[number : number + 1] if optimizer else []
        if optimizer is None or not names:
            return None
        usual, old = (_json_setting(known.get(names[0])) for known in (optimizer.unusual, optimizer.settings))
        return {"argument": names[0], "value": usual, "default": usual, "old": old, "optimizer": symptom.optimizer}

    return choose_setting


def _json_setting(value: facts.Setting) -> Any:
    """Return the value of an optimizer setting in the form of JSON, with a list in place of a tuple."""
    return list(value) if isinstance(value, tuple) else value


def usual_weight_decay(record: Record, symptom: Symptom) -> Values | None:
    """Return the usual weight decay of the optimizer if the present one is larger; else None."""
    optimizer = record.fact(facts.Optimizer, symptom.optimizer)
    if optimizer is None:
        return None
    old = float(optimizer.weight_decay or 0.0)
    value = DECOUPLED_DECAY if optimizer.has_decoupled_decay else COUPLED_DECAY
    if not old > value:
        return None
    return {"argument": "weight_decay", "value": value, "default": 0.0, "old": old, "optimizer": symptom.optimizer}


def strong_weight_decay(record: Record, symptom: Symptom) -> Values | None:
    """Return a strong weight decay for the optimizer, if the present one is much smaller; else None."""
    optimizer = record.fact(facts.Optimizer, symptom.optimizer)
    if optimizer is None:
        return None
    old = float(optimizer.weight_decay or 0.0)
    value = STRONG * (DECOUPLED_DECAY if optimizer.has_decoupled_decay else COUPLED_DECAY)
    if old >= value / 2:
        return None
    return {"argument": "weight_decay", "value": value, "default": 0.0, "old": old, "optimizer": symptom.optimizer}


def representable_eps(record: Record, symptom: Symptom) -> Values | None:
    """Return a larger `eps` for the optimizer if half precision rounds the present one to 0; else None."""
    old = eps_rounded_to_zero(record, symptom.optimizer)
    return None if old is None else {"argument": "eps", "value": HALF_EPS, "old": old, "optimizer": symptom.optimizer}


def lower_momentum(record: Record, symptom: Symptom) -> Values | None:
    """Return the usual momentum of 0.9, if the optimizer's momentum is higher; else None."""
    old = momentum_of(record.fact(facts.Optimizer, symptom.optimizer))
    if old <= MOMENTUM:
        return None
    return {"argument": "momentum", "value": MOMENTUM, "default": 0.0, "old": old, "optimizer": symptom.optimizer}
