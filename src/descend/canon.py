"""The recap table of the optimization lecture as data: Problem | Diagnostics | Workarounds | Source.

A row names a symptom, a remedy that the texts give for it, how much of it to apply (`doses`), and why it should work.
`decides` marks the remedy whose rerun settles a suspicion: unscaled inputs are the cause only if standardising them
does at least as well as what else was tried.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from descend.doses import (
    SAFE_SHARE,
    SHARPENING,
    Dose,
    adam,
    default_rate,
    following_activation,
    gentle_rate,
    nothing_to_dose,
    output_activation,
    rate_for_standardised,
    safe_rate,
)
from descend.record import Record
from descend.remedies import REMEDIES, NotApplicable, Prescription
from descend.script import Script
from descend.symptoms import Symptom


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


RAVINE = "centred inputs of unit variance make the cost's curvature alike in all directions"
SHORTER = "below 2/λmax gradient descent no longer diverges along the steepest direction"
CANON = (
    Row("no_zero_grad", "zero_grad", nothing_to_dose, "clear the gradients after each step",
        "each step then follows the present gradient alone", "torch.optim.Optimizer.zero_grad"),
    Row("output_loss_mismatch", "feed_logits", output_activation, "no {activation} in front of the loss",
        "the loss applies its own: it is convex in the logits and its gradient there is p − t",
        "Ba, CSC413 lecture 4, Convex functions"),
    Row("symmetric_units", "reinitialise", following_activation, "random initialisation ({activation} gain)",
        "perturbed units can move apart", "Ba, CSC413 lecture 4, Saddle points"),
    Row("inputs_not_normalised", "standardise_inputs", nothing_to_dose, "standardise inputs", RAVINE,
        "Ba, CSC413 lecture 4, Ill-conditioned curvature: normalization"),
    Row("inputs_not_normalised", "standardise_inputs+learning_rate", rate_for_standardised(SAFE_SHARE),
        "standardise inputs, learning rate {old:.3g} → {lr:.3g}", RAVINE,
        "Ba, CSC413 lecture 4, Ill-conditioned curvature: normalization", cost=3),
    Row("inputs_not_normalised", "standardise_inputs+learning_rate", rate_for_standardised(SHARPENING),
        "standardise inputs, learning rate {old:.3g} → {lr:.3g}", RAVINE,
        "Ba, CSC413 lecture 4, Ill-conditioned curvature: normalization", cost=3),
    Row("inputs_not_normalised", "learning_rate", gentle_rate, "learning rate {old:.3g} → {lr:.3g}", SHORTER,
        "Ba, CSC413 lecture 4, Recap: instability", decides=False, cost=1),
    Row("inputs_not_normalised", "adaptive_rule", adam, "Adam, lr {lr:g}",
        "rescales each coordinate by its own gradient's size", "Ba, CSC413 lecture 4, RMSprop and Adam",
        decides=False, cost=3),
    Row("instability", "learning_rate", gentle_rate, "learning rate {old:.3g} → {lr:.3g}", SHORTER,
        "Ba, CSC413 lecture 4, Recap: instability", cost=1),
    Row("instability", "learning_rate", safe_rate, "learning rate {old:.3g} → {lr:.3g}", SHORTER,
        "Ba, CSC413 lecture 4, Recap: instability", cost=1),
    Row("instability", "learning_rate", default_rate, "learning rate {old:.3g} → {lr:.3g}",
        "the step of Adam is about the rate itself, whatever the gradient's size", "Kingma & Ba 2015, §2.1", cost=1),
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


def _apply(remedies: str, record: Record, dose: Dose, script: Script) -> Script | NotApplicable:
    for remedy in remedies.split("+"):
        edited = REMEDIES[remedy](script, record, dose)
        if isinstance(edited, NotApplicable):
            return edited
        script = edited
    return script
