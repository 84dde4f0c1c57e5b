"""New learning rates, computed from the recorded curvature and the stability limit, or else the usual ones.

For an adaptive optimizer, the curvature is the largest eigenvalue of the preconditioned Hessian.
"""

from collections.abc import Callable
from math import isfinite
from statistics import median

from descend.core.bound import Bound
from descend.doctor.assess.effective_rate import effective_learning_rate, find_squared_rate
from descend.doctor.assess.stability import (
    ADAM_RATE,
    ADAPTIVE,
    EARLY_STEPS,
    PRECONDITIONED,
    coupled_decay,
    curvature_name,
    momentum_of,
    stability_bound,
    uses_rule,
)
from descend.doctor.assess.step_sizes import OUTRUN, first_step_length
from descend.doctor.assess.summary import summarise
from descend.doctor.assess.symptom import Symptom
from descend.doctor.record import Record, facts
from descend.doctor.remedy_arguments.rounding import round_to_one_digit
from descend.doctor.remedy_arguments.values import Values
from descend.doctor.script.run_names import EndReason

SAFE_SHARE = Bound(
    0.5,
    "share of the stability limit",
    "on a quadratic function, gradient descent converges fastest along the steepest direction if the learning "
    "rate is about half of the stability limit",
)
SHARPENING = Bound(
    0.05,
    "share of the stability limit",
    "chosen: curvature grows in early training, especially from a small initial value (Cohen et al. 2021), and "
    "the growth cannot be predicted",
)
REACH = Bound(
    3.0,
    "distance by which an adaptive optimizer can move a weight in a run",
    "chosen: a weight should be able to move this far within a run. Each step moves it by about the learning rate, "
    "so a short run needs a larger learning rate",
)
LARGEST_ADAM_RATE = Bound(1e-2, "learning rate of Adam", "chosen: this is ten times the default learning rate")
USUAL_STEP = Bound(
    0.01, "ratio of a step's length to the norm of the weights", "chosen: this is the geometric mean of 1e-3 and 0.1"
)
FAR_OFF = Bound(
    100.0,
    "ratio of a learning rate to the default learning rate",
    "chosen: a learning rate two orders of magnitude above the default is clearly unusual",
)
TOO_SMALL = Bound(
    4.0,
    "ratio of the new learning rate to the present one",
    "chosen: changing the learning rate by a smaller factor is not worth a training run",
)
BLIND_SHARE = Bound(
    0.1,
    "ratio of the new learning rate to the present one",
    "chosen: without a known curvature, a tenth of the learning rate is probably stable",
)
BLIND_RAISE = Bound(
    30.0,
    "ratio of the new learning rate to the present one",
    "chosen: without a known curvature, a much larger learning rate is tried",
)
MOMENTUM = Bound(0.9, "momentum", "0.9 is the usual momentum: Ruder 2017, Momentum; Sutskever et al. 2013")


def rate_at_first_curvature(record: Record, symptom: Symptom) -> Values | None:
    """Return half the stability limit for the first measured curvature, or else a tenth of the learning rate."""
    return _rate_below_stability_limit(record, symptom, first=True)


def rate_at_largest_curvature(record: Record, symptom: Symptom) -> Values | None:
    """Return half the stability limit for the largest curvature that was measured before the loss rose."""
    return _rate_below_stability_limit(record, symptom, first=False)


def _rate_below_stability_limit(record: Record, symptom: Symptom, *, first: bool) -> Values | None:
    """Return half of the stability limit as the new learning rate; None if it is not below the present one.

    first: whether the limit is computed from the first curvature that was measured, or from the largest one.
    """
    key = symptom.optimizer
    optimizer = record.fact(facts.Optimizer, key)
    rate = effective_learning_rate(record, key) or record.series("learning_rate", key).first
    bound, name = stability_bound(optimizer), curvature_name(record, key)
    if bound is None or name is None:
        return (
            {"lr": round_to_one_digit(rate * BLIND_SHARE), "old": rate, "optimizer": key}
            if first and isfinite(rate)
            else None
        )
    curvature = _limiting_curvature(record, key, name, first=first)
    if not curvature > 0:
        return None
    new = round_to_one_digit(SAFE_SHARE * bound.value / (curvature + coupled_decay(optimizer)))
    return {"lr": new, "old": rate, "optimizer": key} if new < rate else None


def _limiting_curvature(record: Record, key: str, name: str, *, first: bool) -> float:
    """Return the first curvature that was measured, or, without `first`, the largest one before the loss rose.

    An adaptive optimizer scales its first steps by few gradients, so the first curvature is replaced by a later median.
    """
    curve = record.series(name, key).finite()
    rise = summarise(record).first_rise(key)
    if name == "preconditioned_curvature":
        warm = [value for step, value in curve if step >= EARLY_STEPS]
        return median(warm) if warm and first else max(warm, default=curve.max)
    met = curve.until(rise + 1) if rise is not None else curve
    return met.first if first else met.max


def largest_group_rate(record: Record, symptom: Symptom) -> Values | None:
    """Return the largest of the learning rates in the optimizer's parameter groups."""
    return _group_rate(record, symptom, max)


def smallest_group_rate(record: Record, symptom: Symptom) -> Values | None:
    """Return the smallest positive learning rate in the optimizer's parameter groups."""
    return _group_rate(record, symptom, min)


def _group_rate(record: Record, symptom: Symptom, pick: Callable[[list[float]], float]) -> Values | None:
    """Return one of the positive learning rates in the parameter groups; `pick`, such as `max`, selects it."""
    optimizer = record.fact(facts.Optimizer, symptom.optimizer)
    rates = [rate for rate in optimizer.rates if rate > 0] if optimizer else []
    return {"lr": pick(rates), "optimizer": symptom.optimizer} if rates else None


def default_adam_rate(record: Record, symptom: Symptom) -> Values | None:
    """Return the default learning rate of Adam if the optimizer is adaptive and uses a larger one; else None."""
    old = effective_learning_rate(record, symptom.optimizer)
    if not uses_rule(record, symptom.optimizer, ADAPTIVE) or not old > ADAM_RATE:
        return None
    return {"lr": ADAM_RATE, "old": old, "optimizer": symptom.optimizer}


def rate_for_usual_step(record: Record, symptom: Symptom) -> Values | None:
    """Return the learning rate at which the first step has a hundredth of the norm of the weights.

    None if the stability limit is known, or if the first step is not too long.
    """
    optimizer = record.fact(facts.Optimizer, symptom.optimizer)
    rate, step = effective_learning_rate(record, symptom.optimizer), first_step_length(record)
    if stability_bound(optimizer) is not None or not rate > 0 or not step > OUTRUN:
        return None
    return {"lr": round_to_one_digit(rate * USUAL_STEP / step), "old": rate, "optimizer": symptom.optimizer}


def rate_for_short_run(record: Record, symptom: Symptom) -> Values | None:
    """Return a learning rate above Adam's default for an adaptive optimizer in a run of few steps; else None.

    If progress is slow, the new rate must be much higher than the present one, otherwise much lower.
    """
    is_adaptive = uses_rule(record, symptom.optimizer, ADAPTIVE)
    if not is_adaptive or record.ending is None or record.ending.reason != EndReason.FINISHED:
        return None
    new, old = rate_for_few_steps(record), effective_learning_rate(record, symptom.optimizer)
    factor = new / old if old > 0 else 1.0
    is_far = factor > TOO_SMALL if symptom.id == "slow_progress" else factor < 1 / TOO_SMALL
    return {"lr": new, "old": old, "optimizer": symptom.optimizer} if is_far and new > 2 * ADAM_RATE else None


def rate_for_few_steps(record: Record) -> float:
    """Return the learning rate at which an adaptive optimizer can move a weight by 3 within the run, at most 0.01."""
    return round_to_one_digit(min(LARGEST_ADAM_RATE, REACH / max(record.steps, 1)))


def rate_for_standardised_inputs(share: float) -> Callable[[Record, Symptom], Values | None]:
    """Return a function that computes a learning rate from the curvature of the loss on standardised inputs.

    share: ratio of this learning rate to the stability limit.

    A learning rate that is small enough for raw inputs is too small once they are standardised.
    """

    def choose_learning_rate(record: Record, symptom: Symptom) -> Values | None:
        """Return the learning rate for standardised inputs; None if it is not much larger than the present one."""
        key = symptom.optimizer
        optimizer = record.fact(facts.Optimizer, key)
        bound, curvature = stability_bound(optimizer), record.series("curvature_standardised", key).finite().first
        if uses_rule(record, key, PRECONDITIONED):
            return None  # The optimizer rescales the gradient, so the curvature of the loss does not limit its steps.
        rate = effective_learning_rate(record, key)
        if bound is None or not curvature > 0:
            return None
        new = round_to_one_digit(share * bound.value / (curvature + coupled_decay(optimizer)))
        return {"lr": new, "old": rate, "optimizer": key} if new > TOO_SMALL * rate else None

    return choose_learning_rate


def default_adam_rate_if_far(record: Record, symptom: Symptom) -> Values | None:
    """Return the default learning rate of Adam if the present one is at least a hundred times as large; else None."""
    values = default_adam_rate(record, symptom)
    return values if values is not None and values["old"] >= FAR_OFF * values["lr"] else None


def rate_for_usual_momentum(record: Record, symptom: Symptom) -> Values | None:
    """Return the learning rate that keeps lr / (1 − momentum) the same when the momentum is lowered to 0.9."""
    optimizer = record.fact(facts.Optimizer, symptom.optimizer)
    rate, old = effective_learning_rate(record, symptom.optimizer), momentum_of(optimizer)
    if not MOMENTUM < old < 1 or not rate > 0:
        return None
    return {"lr": round_to_one_digit(rate * (1 - old) / (1 - MOMENTUM)), "old": rate, "optimizer": symptom.optimizer}


def larger_rate(record: Record, symptom: Symptom) -> Values | None:
    """Return a much larger learning rate that is still stable, or Adam's default one, or None."""
    key = symptom.optimizer
    optimizer = record.fact(facts.Optimizer, key)
    rate = effective_learning_rate(record, key)
    if uses_rule(record, key, PRECONDITIONED):
        return {"lr": ADAM_RATE, "old": rate, "optimizer": key} if ADAM_RATE > TOO_SMALL * rate else None
    if not rate > 0:
        return None
    bound, curvature = stability_bound(optimizer), record.series("curvature", key).finite().max
    if bound is None or not curvature > 0:
        return {"lr": round_to_one_digit(BLIND_RAISE * rate), "old": rate, "optimizer": key}
    share = SAFE_SHARE / 2 if momentum_of(optimizer) else SAFE_SHARE
    new = round_to_one_digit(share * bound.value / (curvature + coupled_decay(optimizer)))
    return {"lr": new, "old": rate, "optimizer": key} if new > TOO_SMALL * rate else None


def half_rate(record: Record, symptom: Symptom) -> Values | None:
    """Return half of the optimizer's present learning rate."""
    return _scaled_rate(record, symptom, 0.5)


def tenth_rate(record: Record, symptom: Symptom) -> Values | None:
    """Return a tenth of the optimizer's present learning rate."""
    return _scaled_rate(record, symptom, 0.1)


def scaled_rate(factor: float) -> Callable[[Record, Symptom], Values | None]:
    """Return a function that computes `factor` times the optimizer's present learning rate."""
    return lambda record, symptom: _scaled_rate(record, symptom, factor)


def _scaled_rate(record: Record, symptom: Symptom, factor: float) -> Values | None:
    """Return `factor` times the present learning rate, rounded to one digit; None if the learning rate is unknown."""
    rate = effective_learning_rate(record, symptom.optimizer)
    return {"lr": round_to_one_digit(factor * rate), "old": rate, "optimizer": symptom.optimizer} if rate > 0 else None


def unit_rate(record: Record, symptom: Symptom) -> Values | None:
    """Return 1 as the optimizer's learning rate if its schedule returns learning rates; None if it returns factors."""
    key = find_squared_rate(record)
    return None if key is None else {"argument": "lr", "value": 1.0, "default": None, "optimizer": key}
