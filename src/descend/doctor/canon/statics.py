"""What is wrong before the first step: the data, the start, the loss's scale."""

from descend.doctor.canon.entry import Entry, Row
from descend.doctor.canon.in_place import IN_PLACE
from descend.doctor.canon.phrases import (
    ADAM,
    ADAM_AT,
    ADAM_COST,
    CURVATURE,
    INIT,
    OWN_UNIT,
    RAVINE,
    RESCALED,
    SCALED,
    SHORTER,
    STABLE,
    TO,
    VARIANCE,
)
from descend.doctor.doses import (
    SAFE_SHARE,
    SHARPENING,
    adam,
    averaged_alike,
    by_likelihood,
    far_default_rate,
    following_activation,
    gentle_rate,
    least_decay,
    least_dropout,
    light_penalty,
    more_units,
    nothing_to_dose,
    rate_for_standardised,
    rectifier,
    robust_loss,
    summed,
)

STATICS: tuple[Entry, ...] = (
    Entry("no_signal", "statics", "the inputs carry no information about the targets", (
    ), frozenset({"clipping_too_hard", "inputs_not_normalised", "schedule"}), advice=(
        "No change to training can help. Look for inputs that carry information about the targets, or for the line "
        "that pairs inputs with the wrong targets."
    )),
    Entry("unshuffled_data", "statics", "the data are not shuffled", (
        Row("shuffle", nothing_to_dose, "shuffle the examples", "each batch then resembles the whole",
            "LeCun et al. 1998, §4.2", cost=1, judged_on="spread"),
    ), frozenset({"instability", "cliff", "dead_units", "oscillation", "slow_progress", "fluctuations"})),
    Entry("symmetric_units", "statics", "hidden units are copies of each other", (
        IN_PLACE,
        Row("reinitialise", following_activation, "random initialisation ({activation} gain)",
            "perturbed units can move apart", "Ba, CSC413 lecture 4, Saddle points"),
    )),
    Entry("no_nonlinearity", "statics", "there is no nonlinearity between the layers", (
        Row("insert_activations", nothing_to_dose, "ReLU behind the hidden layers",
            "two linear layers with nothing between them are one", "Goodfellow et al. 2016, §6.1"),
        Row("insert_activations+adaptive_rule", adam, f"ReLU behind the hidden layers, {ADAM_AT}",
            "two linear layers with nothing between them are one", "Goodfellow et al. 2016, §6.1", cost=4),
    ), frozenset({"vanishing_gradients", "saddle_point", "correlated_inputs", "ill_conditioned_curvature",
                  "slow_progress", "plateau", "fluctuations", "local_optima", "stopped_too_early"})),
    Entry("narrow_layer", "statics", "a hidden layer is too narrow", (
        Row("widen", more_units, "{old} → {units} hidden units",
            "more directions of the inputs pass", "Johnson 2019; Hanin & Sellke 2017", cost=1,
            judged_on="spread", adds_parameters=True),  # more weights draw more numbers: another order of batches
    ), frozenset({"dead_units", "vanishing_gradients", "saddle_point", "slow_progress", "plateau", "local_optima"})),
    Entry("outliers", "statics", "a few examples dominate the loss", (
        Row("matching_loss", robust_loss, "Huber loss instead of the squared error",
            "an error beyond its threshold pulls no harder than one at it", "Huber 1964", judged_on="median"),
    ), frozenset({"targets_not_scaled", "exploding_gradients", "instability", "slow_progress", "fluctuations"}),
    advice="Correct or drop those examples; a robust loss (torch.nn.HuberLoss) lives with them."),
    Entry("mixed_reductions", "statics", "one loss term is a sum and another a mean", (
        Row("loss_reduction", summed, "the loss summed over the batch, too: reduction={reduction!r}",
            "both terms are then sums over the batch", "Kingma & Welling 2014, eq. 10", cost=1),
        Row("weigh_term", averaged_alike, "the other term of the loss divided by {divisor}",
            "both terms are then averages over the values", "Kingma & Welling 2014, eq. 10", cost=1),
        Row("weigh_term", by_likelihood, "the other term of the loss divided by {divisor:g}",
            "a squared error is 2σ² times a Gaussian's negative log-likelihood, and σ² at most the targets' variance",
            "Kingma & Welling 2014, App. C.2; Rybkin et al. 2021, §3", cost=1),
    ), frozenset({"sum_reduction"})),
    Entry("sum_reduction", "statics", "the loss grows with the batch size", (
        Row("mean_reduction", nothing_to_dose, "mean instead of sum over the examples",
            "the step then does not depend on the batch's size", "Goyal et al. 2017, §3", cost=1),
        Row("learning_rate", gentle_rate, TO, SHORTER, STABLE, decides=False, cost=1),
    ), frozenset({"targets_not_scaled", "inputs_not_normalised", "saturated_units", "exploding_gradients",
                  "instability", "dead_units", "oscillation"})),
    Entry("targets_not_scaled", "statics", "targets are not scaled", (
        Row("standardise_targets", nothing_to_dose, "standardise targets", OWN_UNIT, "LeCun et al. 1998, §4.5"),
        Row("standardise_data+standardise_targets", nothing_to_dose,
            "standardise inputs where they are made, and targets", RAVINE, SCALED, cost=3),
        Row("standardise_data+standardise_targets+learning_rate", far_default_rate,
            f"standardise inputs where they are made, and targets, {TO}", RAVINE, SCALED, cost=4),
        Row("standardise_inputs+standardise_targets", nothing_to_dose,
            "standardise inputs and targets", RAVINE, SCALED, cost=4),
        Row("standardise_inputs+standardise_targets+learning_rate", far_default_rate,
            f"standardise inputs and targets, {TO}", RAVINE, SCALED, cost=5),
        Row("adaptive_rule", adam, ADAM_AT, RESCALED, ADAM, decides=False, cost=ADAM_COST),
    ), frozenset({"clipping_too_hard", "exploding_gradients", "instability", "dead_units", "oscillation",
                  "slow_progress", "plateau", "stopped_too_early"})),
    Entry("inputs_not_normalised", "statics", "inputs are not normalised", (
        Row("standardise_data", nothing_to_dose, "standardise inputs where they are made", RAVINE, CURVATURE, cost=1),
        Row("standardise_data+learning_rate", rate_for_standardised(SAFE_SHARE),
            f"standardise inputs where they are made, {TO}", RAVINE, CURVATURE, cost=2),
        Row("standardise_inputs", nothing_to_dose, "standardise inputs", RAVINE, CURVATURE),
        Row("standardise_inputs+learning_rate", rate_for_standardised(SAFE_SHARE),
            f"standardise inputs, {TO}", RAVINE, CURVATURE, cost=3),
        Row("standardise_inputs+learning_rate", rate_for_standardised(SHARPENING),
            f"standardise inputs, {TO}", RAVINE, CURVATURE, cost=3),
        Row("learning_rate", gentle_rate, TO, SHORTER, STABLE, decides=False, cost=1),
        Row("adaptive_rule", adam, ADAM_AT, RESCALED, ADAM, decides=False, cost=ADAM_COST),
    ), frozenset({"saturated_units", "bad_initialisation", "clipping_too_hard", "momentum_mismatch",
                  "layer_rate_mismatch", "exploding_gradients", "instability", "dead_units", "vanishing_gradients",
                  "oscillation", "correlated_inputs", "slow_progress", "plateau", "stopped_too_early"})),
    Entry("over_regularised", "statics", "regularisation outweighs the data", (
        Row("optimizer_argument", least_decay, "weight decay {old:g} → {value:g}",
            "the data decide again, and not the penalty", "Goodfellow et al. 2016, §7.1", cost=1),
        Row("weigh_term", light_penalty, "the penalty in the loss times {factor:g}",
            "the data decide again, and not the penalty", "Goodfellow et al. 2016, §7.1", cost=1),
        Row("dropout_rate", least_dropout, "dropout {old:g} → {p:g}",
            "the units that are left can carry the signal", "Srivastava et al. 2014, §7.3", cost=1),
    ), frozenset({"saturated_units", "bad_initialisation", "dead_units", "vanishing_gradients", "slow_progress",
                  "plateau", "stopped_too_early"})),
    Entry("saturated_units", "statics", "units are saturated", (
        IN_PLACE,
        Row("reinitialise", following_activation, "initialise for {activation} (Kaiming or Xavier)",
            VARIANCE,
            INIT),
        Row("hidden_activation+reinitialise", rectifier,
            "ReLU and its initialisation in the hidden layers",
            "a rectifier has slope 1 wherever its input is positive",
            "Ba, CSC413 lecture 4, Recap: dead/saturated units",
            cost=3),
    ), frozenset({"bad_initialisation", "exploding_gradients", "instability", "vanishing_gradients",
                  "slow_progress", "plateau", "stopped_too_early"})),
    Entry("bad_initialisation", "statics", "the initial weights are badly scaled", (
        IN_PLACE,
        Row("reinitialise", following_activation, "initialise for {activation} (Kaiming or Xavier)",
            VARIANCE, INIT),
    ), frozenset({"layer_rate_mismatch", "exploding_gradients", "instability", "cliff", "dead_units",
                  "vanishing_gradients", "slow_progress", "plateau", "stopped_too_early"})),
    Entry("selection_before_split", "statics", "features are selected with the test targets", (), flatters=True,
          advice="Split the data first, fit the selector on the training examples, and transform both parts with it."),
)  # fmt: skip
