"""How long a step: the learning rate, read off the record.

It is dosed by the stability bound: α = ½·bound / λmax, with the curvature that the rule itself sees.
"""

from collections.abc import Callable
from math import isfinite
from statistics import median
from typing import Any

from descend.doctor.course.acting_rate import acting_rate
from descend.doctor.course.progress import first_rise
from descend.doctor.course.stability import (
    ADAPTIVE,
    PRECONDITIONED,
    coupled_decay,
    curvature_name,
    is_of,
    momentum_of,
    stability_bound,
)
from descend.doctor.doses.rounded import one_digit
from descend.doctor.record import Record, facts
from descend.doctor.symptoms import Symptom
from descend.doctor.symptoms.instability import ADAM_RATE, EARLY_STEPS, OUTRUN, first_step
from descend.ground.bound import Bound

Dose = dict[str, Any]
SAFE_SHARE = Bound(
    0.5,
    "of the stability bound",
    "on a quadratic gradient descent is fastest near half of it along the steepest direction",
)
SHARPENING = Bound(
    0.05,
    "of the stability bound",
    "chosen: curvature grows in early training, most where it starts small (Cohen et al. 2021), and nobody knows "
    "by how much",
)
REACH = Bound(
    3.0,
    "by which an adaptive rule can move a weight in a run",
    "chosen: about its rate in each step, so that a short run needs a larger rate",
)
LARGEST_ADAM_RATE = Bound(1e-2, "learning rate", "chosen: ten times the default")
USUAL_STEP = Bound(0.01, "of the weights' own size", "chosen: the middle, of their logarithms, of 1e-3 and 0.1")
FAR_OFF = Bound(100.0, "times the default rate", "chosen: two orders of magnitude off")
TOO_SMALL = Bound(4.0, "times below the dose", "chosen: a rate that is nearer is not worth raising")
BLIND_SHARE = Bound(0.1, "of the present rate", "chosen: an order of magnitude, where no curvature is known")
BLIND_RAISE = Bound(
    30.0, "times the present rate", "chosen: one and a half orders of magnitude, where no curvature is known"
)
WARMUP_SHARE = Bound(
    0.1,
    "of the run's steps",
    "chosen: about twice the 5 of 90 epochs of Goyal et al. 2017 and the 4 of 100 thousand steps of Vaswani et "
    "al. 2017",
)
MOMENTUM = Bound(0.9, "momentum", "usually set to it: Ruder 2017, Momentum; Sutskever et al. 2013")


def gentle_rate(record: Record, symptom: Symptom) -> Dose | None:
    """Half the stability bound at the first curvature that was measured."""
    return _rate(record, symptom, first=True)


def safe_rate(record: Record, symptom: Symptom) -> Dose | None:
    """Half the stability bound at the largest curvature met before the cost rose."""
    return _rate(record, symptom, first=False)


def _rate(record: Record, symptom: Symptom, *, first: bool) -> Dose | None:
    key = symptom.optimizer
    optimizer = record.fact(facts.Optimizer, key)
    rate = acting_rate(record, key) or record.series("learning_rate", key).first
    bound, name = stability_bound(optimizer), curvature_name(record, key)
    if bound is None or name is None:
        return (
            {"lr": one_digit(rate * BLIND_SHARE), "old": rate, "optimizer": key} if first and isfinite(rate) else None
        )
    curvature = _curvature(record, key, name, first=first)
    if not curvature > 0:
        return None
    new = one_digit(SAFE_SHARE * bound.value / (curvature + coupled_decay(optimizer)))
    return {"lr": new, "old": rate, "optimizer": key} if new < rate else None


def _curvature(record: Record, key: str, name: str, *, first: bool) -> float:
    """Return the first or the largest curvature before the cost rose.

    An adaptive rule's first scales come from hardly any gradient; once it has warmed up the typical one counts.
    """
    curve = record.series(name, key).finite()
    rise = first_rise(record, key)
    if name == "preconditioned_curvature":
        warm = [value for step, value in curve if step >= EARLY_STEPS]
        return median(warm) if warm and first else max(warm, default=curve.max)
    met = curve.until(rise + 1) if rise is not None else curve
    return met.first if first else met.max


def largest_rate(record: Record, symptom: Symptom) -> Dose | None:
    """The largest rate of any parameter group."""
    return _one_rate(record, symptom, max)


def smallest_rate(record: Record, symptom: Symptom) -> Dose | None:
    """The smallest rate of any parameter group that moves at all."""
    return _one_rate(record, symptom, min)


def _one_rate(record: Record, symptom: Symptom, pick: Callable[[list[float]], float]) -> Dose | None:
    optimizer = record.fact(facts.Optimizer, symptom.optimizer)
    rates = [rate for rate in optimizer.rates if rate > 0] if optimizer else []
    return {"lr": pick(rates), "optimizer": symptom.optimizer} if rates else None


def default_rate(record: Record, symptom: Symptom) -> Dose | None:
    """The rate that the authors of an adaptive rule give."""
    old = acting_rate(record, symptom.optimizer)
    if not is_of(record, symptom.optimizer, ADAPTIVE) or not old > ADAM_RATE:
        return None
    return {"lr": ADAM_RATE, "old": old, "optimizer": symptom.optimizer}


def usual_step_rate(record: Record, symptom: Symptom) -> Dose | None:
    """The rate at which the first step of a rule of unknown bound moves the weights by the usual hundredth."""
    optimizer = record.fact(facts.Optimizer, symptom.optimizer)
    rate, step = acting_rate(record, symptom.optimizer), first_step(record)
    if stability_bound(optimizer) is not None or not rate > 0 or not step > OUTRUN:
        return None
    return {"lr": one_digit(rate * USUAL_STEP / step), "old": rate, "optimizer": symptom.optimizer}


def short_run_rate(record: Record, symptom: Symptom) -> Dose | None:
    """An adaptive rule's rate for a script that ends after so few steps that its default one does not get it far.

    It is lower than the present one, or higher where that is too low.
    """
    is_adaptive = is_of(record, symptom.optimizer, ADAPTIVE)
    if not is_adaptive or record.ending is None or record.ending.reason != "finished":
        return None
    new, old = _far_reaching_rate(record), acting_rate(record, symptom.optimizer)
    factor = new / old if old > 0 else 1.0
    is_far = factor > TOO_SMALL if symptom.id == "slow_progress" else factor < 1 / TOO_SMALL
    return {"lr": new, "old": old, "optimizer": symptom.optimizer} if is_far and new > 2 * ADAM_RATE else None


def _far_reaching_rate(record: Record) -> float:
    return one_digit(min(LARGEST_ADAM_RATE, REACH / max(record.steps, 1)))


def adam(record: Record, symptom: Symptom) -> Dose | None:
    """Adam at its own default rate, where the rule is not adaptive already."""
    return {"lr": ADAM_RATE, "optimizer": symptom.optimizer} if is_of(record, symptom.optimizer, ("SGD",)) else None


def lars(record: Record, symptom: Symptom) -> Dose | None:
    """LARS, whose step is lr · trust / (1 − momentum) of each layer's own size: at its defaults lr · 0.01."""
    return _layerwise(record, symptom, "LARS", 100 * USUAL_STEP)


def lamb(record: Record, symptom: Symptom) -> Dose | None:
    """LAMB, whose step is lr of each layer's own size."""
    return _layerwise(record, symptom, "LAMB", USUAL_STEP)


def _layerwise(record: Record, symptom: Symptom, rule: str, lr: float) -> Dose | None:
    optimizer = record.fact(facts.Optimizer, symptom.optimizer)
    if not is_of(record, symptom.optimizer, ("SGD",)) or len(optimizer.rates if optimizer else ()) > 1:
        return None
    return {"rule": rule, "lr": lr, "optimizer": symptom.optimizer}


def adam_for_few_steps(record: Record, symptom: Symptom) -> Dose | None:
    """Adam where the rule is not adaptive already, at the rate that gets it far in a script's steps if they are few."""
    dose = adam(record, symptom)
    if dose is None or record.ending is None or record.ending.reason != "finished":
        return dose
    return {**dose, "lr": max(ADAM_RATE, _far_reaching_rate(record))}


def rate_for_standardised(share: float) -> Callable[[Record, Symptom], Dose | None]:
    """A share of the stability bound at the curvature that standardised inputs would give.

    A rate that was lowered until raw inputs could bear it is too small once they are standardised.
    """

    def dose(record: Record, symptom: Symptom) -> Dose | None:
        key = symptom.optimizer
        optimizer = record.fact(facts.Optimizer, key)
        bound, curvature = stability_bound(optimizer), record.series("curvature_standardised", key).finite().first
        if is_of(record, key, PRECONDITIONED):
            return None  # that curvature is not the one it sees
        rate = acting_rate(record, key)
        if bound is None or not curvature > 0:
            return None
        new = one_digit(share * bound.value / (curvature + coupled_decay(optimizer)))
        return {"lr": new, "old": rate, "optimizer": key} if new > TOO_SMALL * rate else None

    return dose


def far_default_rate(record: Record, symptom: Symptom) -> Dose | None:
    """The rate that the authors give, where the present one is a hundred times that."""
    dose = default_rate(record, symptom)
    return dose if dose is not None and dose["old"] >= FAR_OFF * dose["lr"] else None


def calmer_rate(record: Record, symptom: Symptom) -> Dose | None:
    """The rate whose terminal velocity α/(1−μ) is that of the present rate at the usual momentum."""
    optimizer = record.fact(facts.Optimizer, symptom.optimizer)
    rate, old = acting_rate(record, symptom.optimizer), momentum_of(optimizer)
    if not MOMENTUM < old < 1 or not rate > 0:
        return None
    return {"lr": one_digit(rate * (1 - old) / (1 - MOMENTUM)), "old": rate, "optimizer": symptom.optimizer}


def longer_rate(record: Record, symptom: Symptom) -> Dose | None:
    """Half the stability bound at the largest curvature, a quarter with momentum; an adaptive rule's own default."""
    key = symptom.optimizer
    optimizer = record.fact(facts.Optimizer, key)
    rate = acting_rate(record, key)
    if is_of(record, key, PRECONDITIONED):
        return {"lr": ADAM_RATE, "old": rate, "optimizer": key} if ADAM_RATE > TOO_SMALL * rate else None
    if not rate > 0:
        return None
    bound, curvature = stability_bound(optimizer), record.series("curvature", key).finite().max
    if bound is None or not curvature > 0:
        return {"lr": one_digit(BLIND_RAISE * rate), "old": rate, "optimizer": key}
    share = SAFE_SHARE / 2 if momentum_of(optimizer) else SAFE_SHARE  # a velocity takes time to show its length
    new = one_digit(share * bound.value / (curvature + coupled_decay(optimizer)))
    return {"lr": new, "old": rate, "optimizer": key} if new > TOO_SMALL * rate else None


def half_rate(record: Record, symptom: Symptom) -> Dose | None:
    """Half of the present rate."""
    return _times(record, symptom, 0.5)


def tenth_rate(record: Record, symptom: Symptom) -> Dose | None:
    """A tenth of the present rate."""
    return _times(record, symptom, 0.1)


def rate_times(factor: float) -> Callable[[Record, Symptom], Dose | None]:
    """Return the dose of so many times the present rate."""
    return lambda record, symptom: _times(record, symptom, factor)


def _times(record: Record, symptom: Symptom, factor: float) -> Dose | None:
    rate = acting_rate(record, symptom.optimizer)
    return {"lr": one_digit(factor * rate), "old": rate, "optimizer": symptom.optimizer} if rate > 0 else None


def whole_run(record: Record, symptom: Symptom) -> Dose | None:
    """From the whole rate to 0, over as many steps as the run has; none of a run that has not been seen to its end."""
    if not record.steps or record.ending is None or record.ending.reason != "finished":
        return None
    return {"steps": record.steps, "start": 1.0, "end": 0.0, "optimizer": symptom.optimizer}


def first_steps(record: Record, symptom: Symptom) -> Dose | None:
    """From nearly 0 to the whole rate, over the first steps of a run whose cost rises there."""
    key, losses = symptom.optimizer, record.series("loss", symptom.optimizer)
    rise, steps = first_rise(record, key), round(WARMUP_SHARE * len(losses))
    if rise is None or steps < 2 or rise - losses.steps[0] > steps:
        return None
    steps = round(one_digit(steps))
    return {"steps": steps, "start": 1 / steps, "end": 1.0, "optimizer": key}
