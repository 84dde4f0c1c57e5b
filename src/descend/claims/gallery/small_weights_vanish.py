"""With weights of standard deviation 0.01 the activations of a deep network vanish."""

from descend.claims.claim import Claim, below
from descend.claims.experiments.activations import InitialActivations

CLAIM = Claim(
    sentence="With weights of standard deviation 0.01 the activations of a deep network vanish from layer to layer.",
    source="Optimization for Training Deep Models 2018, Knob 1: Initialization",
    refuted_by="activations of the ninth layer that are more than a hundredth of those of the first",
    figure="standard deviation of the activations, ninth layer / first layer",
    expected=below(0.01),
    experiment=InitialActivations(),
    conditions=("normal 0.01, tanh", "normal 0.01, ReLU"),
)
