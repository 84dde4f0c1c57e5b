"""The recap table of the optimization lecture as data: Problem | Diagnostics | Workarounds | Source.

A row names a symptom, a remedy that the texts give for it, how much of it to apply, and why it should work. The
dose is read off the record. `decides` marks the remedy whose rerun settles a suspicion: unscaled inputs are the cause only
if standardising them does at least as well as what else was tried.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import isfinite
from typing import Any

from descend.record import Record
from descend.remedies import REMEDIES, Prescription
from descend.symptoms import Symptom
from descend.symptoms.progress import first_rise
from descend.symptoms.stability import curvature_name, stability_bound

Dose = dict[str, Any]
SAFE_SHARE = 0.5  # of the stability bound: gradient descent is fastest near half of it on a quadratic
ADAM_RATE = 1e-3  # Kingma & Ba 2015, the default of Algorithm 1
BLIND_SHARE = 0.1  # of the present rate, where no curvature is known


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    symptom: str
    remedy: str
    dose: Callable[[Record, Symptom], Dose | None]  # None: not this time
    label: str  # filled in from the dose
    why: str
    source: str
    decides: bool = True
    cost: int = 2  # 1 rewrites a number, 2 adds or drops a statement, 3 changes the rule


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
    curve = record.series(name, key).finite()
    rise = first_rise(record, key)
    met = curve.until(rise + 1) if rise is not None else curve
    curvature = met.first if first else met.max
    if not curvature > 0:
        return None
    new = SAFE_SHARE * bound.value / curvature
    return {"lr": new, "old": rate, "optimizer": key} if new < rate else None


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
    removable = ("cross_entropy", "binary_cross_entropy_with_logits")
    return {"activation": facts["activation"]} if facts.get("function") in removable else None


def following_activation(record: Record, symptom: Symptom) -> Dose | None:
    """The activation that the network mostly uses; its gain sets the weights' variance."""
    used = [record.fact("activation", place) or {} for place in record.places("activation")]
    names = [fact["function"] for fact in used if "function" in fact]
    return {"activation": max(set(names), key=names.count) if names else "linear"}


RAVINE = "centred inputs of unit variance make the cost's curvature alike in all directions"
SHORTER = "below 2/λmax gradient descent no longer diverges along the steepest direction"
CANON = (
    Row("no_zero_grad", "zero_grad", nothing_to_dose, "clear the gradients after each step",
        "each step then follows the present gradient alone", "torch.optim.Optimizer.zero_grad"),
    Row("output_loss_mismatch", "feed_logits", output_activation, "feed logits to the loss (no {activation})",
        "the loss applies its own; the gradient is p − t again", "Optimization for training deep models, Output units"),
    Row("symmetric_units", "reinitialise", following_activation, "random initialisation ({activation} gain)",
        "perturbed units can move apart", "Ba, CSC413 lecture 4, Saddle points"),
    Row("inputs_not_normalised", "standardise_inputs", nothing_to_dose, "standardise inputs", RAVINE,
        "Ba, CSC413 lecture 4, Ill-conditioned curvature: normalization"),
    Row("inputs_not_normalised", "learning_rate", gentle_rate, "learning rate {old:.3g} → {lr:.3g}", SHORTER,
        "Ba, CSC413 lecture 4, Recap: instability", decides=False, cost=1),
    Row("inputs_not_normalised", "adaptive_rule", adam, "Adam, lr {lr:g}",
        "rescales each coordinate by its own gradient's size", "Ba, CSC413 lecture 4, RMSprop and Adam",
        decides=False, cost=3),
    Row("instability", "learning_rate", gentle_rate, "learning rate {old:.3g} → {lr:.3g}", SHORTER,
        "Ba, CSC413 lecture 4, Recap: instability", cost=1),
    Row("instability", "learning_rate", safe_rate, "learning rate {old:.3g} → {lr:.3g}", SHORTER,
        "Ba, CSC413 lecture 4, Recap: instability", cost=1),
    Row("instability", "adaptive_rule", adam, "Adam, lr {lr:g}",
        "rescales each coordinate by its own gradient's size", "Ba, CSC413 lecture 4, RMSprop and Adam", cost=3),
    Row("dead_units", "reinitialise", following_activation, "initialise for {activation} (Kaiming or Xavier)",
        "keeps the scale of activations from layer to layer, so that half of the units start active",
        "He et al. 2015, eq. 10; Glorot & Bengio 2010, eq. 16"),
    Row("dead_units", "learning_rate", safe_rate, "learning rate {old:.3g} → {lr:.3g}",
        "a shorter step does not throw units out of the data's range", "Ba, CSC413 lecture 4, Recap", cost=1),
)  # fmt: skip


def prescribe(record: Record, symptoms: list[Symptom]) -> list[Prescription]:
    """Return what may help, in the order of the symptoms and of the table; the same change only once."""
    found: dict[str, Prescription] = {}
    for symptom in symptoms:
        for row in CANON:
            if row.symptom != symptom.id or (dose := row.dose(record, symptom)) is None:
                continue
            label = row.label.format(**dose)
            apply = partial(_apply, row.remedy, record, dose)
            known = Prescription(symptom.id, row.remedy, label, apply, row.cost, row.decides)
            found.setdefault(label, known)
    return list(found.values())


def _apply(remedy: str, record: Record, dose: Dose, script: Any) -> Any:
    return REMEDIES[remedy](script, record, dose)
