"""Functions that change a network but not its code: initialisation, standardised inputs, normalisation."""

from descend.network.activations import Swapped, insert_activations, swap_activations
from descend.network.head import replace_head
from descend.network.initialisation_schemes import SCHEMES, initialise
from descend.network.normalisation import insert_normalisation
from descend.network.normalisation_propagation import NormPropConv2d, NormPropLinear
from descend.network.outputs import LayerOutput, layer_outputs
from descend.network.recurrent import initialise_recurrent
from descend.network.regularisation import augment_inputs, insert_dropout
from descend.network.reinitialise import reinitialise
from descend.network.residuals import insert_residuals
from descend.network.standardise import standardise_inputs
from descend.network.standardise_targets import standardise_targets
from descend.network.whiten import whiten_inputs

__all__ = [
    "SCHEMES",
    "LayerOutput",
    "NormPropConv2d",
    "NormPropLinear",
    "Swapped",
    "augment_inputs",
    "initialise",
    "initialise_recurrent",
    "insert_activations",
    "insert_dropout",
    "insert_normalisation",
    "insert_residuals",
    "layer_outputs",
    "reinitialise",
    "replace_head",
    "standardise_inputs",
    "standardise_targets",
    "swap_activations",
    "whiten_inputs",
]


def __dir__() -> list[str]:
    return __all__
