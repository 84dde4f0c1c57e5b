"""Arguments of the rule other than its rate: momentum, decay, eps, and what is not its own default."""

from collections.abc import Callable
from typing import Any

from descend.doctor.course.stability import momentum_of
from descend.doctor.doses.rate import MOMENTUM, Dose
from descend.doctor.record import Record, facts
from descend.doctor.symptoms import Symptom
from descend.doctor.symptoms.instability import lost_eps
from descend.ground.bound import Bound

HALF_EPS = Bound(1e-4, "eps", "above the smallest normal number of half precision, 6e-5")
COUPLED_DECAY = Bound(1e-4, "coupled weight decay", "chosen below the 5e-4 that Krizhevsky et al. 2012 used")
DECOUPLED_DECAY = Bound(1e-2, "decoupled weight decay", "the default of torch.optim.AdamW")


def momentum(record: Record, symptom: Symptom) -> Dose | None:
    """The usual momentum, where there is none."""
    optimizer = record.fact(facts.Optimizer, symptom.optimizer)
    if optimizer is None or optimizer.rule != "SGD" or optimizer.momentum:
        return None
    return {"argument": "momentum", "value": MOMENTUM, "default": 0.0, "optimizer": symptom.optimizer}


def downhill(record: Record, symptom: Symptom) -> Dose | None:
    """Descent, in place of the rule's own ascent."""
    optimizer = record.fact(facts.Optimizer, symptom.optimizer)
    if optimizer is None or not optimizer.maximize:
        return None
    return {"argument": "maximize", "value": False, "default": False, "optimizer": symptom.optimizer}


def usual_argument(number: int) -> Callable[[Record, Symptom], Dose | None]:
    """Return the dose of the rule's own default, in the place of that of its arguments of that number that has none."""

    def dose(record: Record, symptom: Symptom) -> Dose | None:
        optimizer = record.fact(facts.Optimizer, symptom.optimizer)
        names = list(optimizer.unusual)[number : number + 1] if optimizer else []
        if optimizer is None or not names:
            return None
        usual, old = (_as_written(known.get(names[0])) for known in (optimizer.unusual, optimizer.settings))
        return {"argument": names[0], "value": usual, "default": usual, "old": old, "optimizer": symptom.optimizer}

    return dose


def _as_written(value: facts.Setting) -> Any:
    return list(value) if isinstance(value, tuple) else value


def least_decay(record: Record, symptom: Symptom) -> Dose | None:
    """A weight decay that is usual for the rule."""
    optimizer = record.fact(facts.Optimizer, symptom.optimizer)
    if optimizer is None:
        return None
    old = float(optimizer.weight_decay or 0.0)
    value = DECOUPLED_DECAY if optimizer.rule == "AdamW" or optimizer.decoupled_weight_decay else COUPLED_DECAY
    if not old > value:
        return None
    return {"argument": "weight_decay", "value": value, "default": 0.0, "old": old, "optimizer": symptom.optimizer}


def representable_eps(record: Record, symptom: Symptom) -> Dose | None:
    """An `eps` that half precision can hold, in place of one that it rounds to 0."""
    old = lost_eps(record, symptom.optimizer)
    return None if old is None else {"argument": "eps", "value": HALF_EPS, "old": old, "optimizer": symptom.optimizer}


def lower_momentum(record: Record, symptom: Symptom) -> Dose | None:
    """The usual momentum in place of a higher one."""
    old = momentum_of(record.fact(facts.Optimizer, symptom.optimizer))
    if old <= MOMENTUM:
        return None
    return {"argument": "momentum", "value": MOMENTUM, "default": 0.0, "old": old, "optimizer": symptom.optimizer}
