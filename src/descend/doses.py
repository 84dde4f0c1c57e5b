"""How much of a remedy: read off the record, by theory, not by trying a grid.

The learning rate is dosed by the stability bound: α = ½·bound / λmax, with the curvature that the rule itself sees.
"""

from collections.abc import Callable
from math import isfinite
from statistics import median
from typing import Any

from descend.record import Record
from descend.symptoms import Symptom
from descend.symptoms.instability import EARLY_STEPS
from descend.symptoms.progress import first_rise
from descend.symptoms.stability import ADAPTIVE, curvature_name, stability_bound

Dose = dict[str, Any]
SAFE_SHARE = 0.5  # of the stability bound: gradient descent is fastest near half of it on a quadratic
ADAM_RATE = 1e-3  # Kingma & Ba 2015, the default of Algorithm 1
SHARPENING = 0.05  # of the bound: curvature grows in early training, most where it starts small (Cohen et al. 2021)
TOO_SMALL = 4.0  # a rate this many times below the dose is worth raising
BLIND_SHARE = 0.1  # of the present rate, where no curvature is known


def gentle_rate(record: Record, symptom: Symptom) -> Dose | None:
    """Half the stability bound at the first curvature that was measured."""
    return _rate(record, symptom, first=True)


def safe_rate(record: Record, symptom: Symptom) -> Dose | None:
    """Half the stability bound at the largest curvature met before the cost rose."""
    return _rate(record, symptom, first=False)


def _rate(record: Record, symptom: Symptom, *, first: bool) -> Dose | None:
    key = symptom.optimizer
    rate = record.series("learning_rate", key).first
    optimizer = record.fact("optimizer", key) or {}
    rate = float(optimizer.get("lr") or rate)
    bound, name = stability_bound(optimizer), curvature_name(record, key)
    if bound is None or name is None:
        return {"lr": rate * BLIND_SHARE, "old": rate, "optimizer": key} if first and isfinite(rate) else None
    curvature = _curvature(record, key, name, first=first)
    if not curvature > 0:
        return None
    new = SAFE_SHARE * bound.value / curvature
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


def default_rate(record: Record, symptom: Symptom) -> Dose | None:
    """The rate that the authors of an adaptive rule give."""
    optimizer = record.fact("optimizer", symptom.optimizer) or {}
    if optimizer.get("class") not in ADAPTIVE or not float(optimizer.get("lr") or 0) > ADAM_RATE:
        return None
    return {"lr": ADAM_RATE, "old": float(optimizer["lr"]), "optimizer": symptom.optimizer}


def adam(record: Record, symptom: Symptom) -> Dose | None:
    """Adam at its own default rate, where the rule is not adaptive already."""
    optimizer = record.fact("optimizer", symptom.optimizer) or {}
    if optimizer.get("class") != "SGD":
        return None
    return {"lr": ADAM_RATE, "optimizer": symptom.optimizer}


def nothing_to_dose(record: Record, symptom: Symptom) -> Dose | None:
    """The remedy has no amount."""
    return {"optimizer": symptom.optimizer}


def output_activation(record: Record, symptom: Symptom) -> Dose | None:
    """The activation in front of a loss that brings its own."""
    facts = record.fact("loss_input") or {}
    removable = facts.get("task") == "real" or facts.get("function") in (
        "cross_entropy",
        "binary_cross_entropy_with_logits",
    )
    return {"activation": facts["activation"]} if removable else None


def rate_for_standardised(share: float) -> Callable[[Record, Symptom], Dose | None]:
    """A share of the stability bound at the curvature that standardised inputs would give.

    A rate that was lowered until raw inputs could bear it is too small once they are standardised.
    """

    def dose(record: Record, symptom: Symptom) -> Dose | None:
        key = symptom.optimizer
        optimizer = record.fact("optimizer", key) or {}
        bound, curvature = stability_bound(optimizer), record.series("curvature_standardised", key).finite().first
        rate = float(optimizer.get("lr") or 0.0)
        if bound is None or not curvature > 0 or not share * bound.value / curvature > TOO_SMALL * rate:
            return None
        return {"lr": share * bound.value / curvature, "old": rate, "optimizer": key}

    return dose


def following_activation(record: Record, symptom: Symptom) -> Dose | None:
    """The activation that the network mostly uses; its gain sets the weights' variance."""
    used = [record.fact("activation", place) or {} for place in record.places("activation")]
    names = [fact["function"] for fact in used if "function" in fact]
    return {"activation": max(set(names), key=names.count) if names else "linear"}
