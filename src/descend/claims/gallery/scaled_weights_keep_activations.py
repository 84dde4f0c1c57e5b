"""Xavier initialisation keeps the activations of tanh layers, Kaiming initialisation those of ReLU layers."""

from descend.claims.claim import Claim, above
from descend.claims.experiments.activations import InitialActivations

CLAIM = Claim(
    sentence="Xavier initialisation keeps a good spread of activations through tanh layers, and Kaiming initialisation "
    "through ReLU layers.",
    source="Optimization for Training Deep Models 2018, Knob 1: Initialization; He et al. 2015",
    refuted_by="activations of the ninth layer of less than a third of the spread of those of the first",
    figure="standard deviation of the activations, ninth layer / first layer",
    expected=above(1 / 3),
    experiment=InitialActivations(),
    conditions=("xavier fan-in, tanh", "kaiming, ReLU"),
)
