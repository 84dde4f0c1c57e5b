"""Remedy entries that several problems share."""

from dataclasses import replace

from descend.doctor.remedy_arguments.layers import most_used_activation
from descend.doctor.remedy_arguments.learning_rates import rate_at_first_curvature
from descend.doctor.remedy_arguments.other_optimizers import adam_arguments
from descend.doctor.remedy_arguments.training_loop import rare_gradient_norm
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import RemedyEntry

ADAM = RemedyEntry(
    "adaptive_rule",
    adam_arguments,
    phrases.USE_ADAM,
    phrases.RESCALED_GRADIENTS,
    phrases.ADAM_SOURCE,
    cost=phrases.ADAM_COST,
)
# A workaround may help whatever the cause is, so its trial neither confirms nor refutes the suspected problem.
ADAM_AS_WORKAROUND = replace(ADAM, decides=False)
STABLE_RATE_AS_WORKAROUND = RemedyEntry(
    "learning_rate",
    rate_at_first_curvature,
    phrases.NEW_LEARNING_RATE,
    phrases.STABLE_STEPS,
    phrases.STABILITY_SOURCE,
    decides=False,
    cost=1,
)
CLIP_RARE_GRADIENTS = RemedyEntry(
    "clip_gradients",
    rare_gradient_norm,
    phrases.CLIP_GRADIENT_NORM,
    phrases.LIMITED_STEP,
    "Pascanu et al. 2013, §3.2; Optimization for Training Deep Models 2018, Gradient clipping",
)
REINITIALISE = RemedyEntry(
    "reinitialise",
    most_used_activation,
    "initialise for {activation} (Kaiming or Xavier)",
    phrases.CONSTANT_SCALE,
    phrases.INITIALISATION_SOURCE,
)
# This remedy is tried before those that initialise the whole network, since it only edits the lines in which the
# script draws its weights.
INITIALISE_IN_PLACE = RemedyEntry(
    "initialise_in_place",
    most_used_activation,
    "initialise for {activation} where the weights are drawn",
    phrases.CONSTANT_SCALE,
    phrases.INITIALISATION_SOURCE,
    cost=1,
    redraws=True,
)
