"""Xavier initialisation lets the activations of ReLU layers shrink."""

from descend.claims.claim import Claim, below
from descend.claims.experiments.activations import InitialActivations

CLAIM = Claim(
    sentence="Xavier initialisation is not enough for ReLU layers: their activations approach 0 from layer to layer.",
    source="Optimization for Training Deep Models 2018, Knob 1: Initialization",
    refuted_by="activations of the ninth layer of more than a tenth of the spread of those of the first",
    figure="standard deviation of the activations, ninth layer / first layer",
    expected=below(0.1),
    experiment=InitialActivations(),
    conditions=("xavier fan-in, ReLU",),
)
